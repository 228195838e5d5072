"""Where a city's facts, views and bus are: in files of one machine, or on PostgreSQL and Kafka."""
