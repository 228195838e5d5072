"""The clock of the process and of the city, instants, and China's working days."""
