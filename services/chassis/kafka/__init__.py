"""The bus of several machines: Apache Kafka carries the events, `Relay` brings them there from the event stores."""
