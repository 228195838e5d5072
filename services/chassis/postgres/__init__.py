"""How each schema of PostgreSQL is opened, read and written, and what the server's errors mean."""
