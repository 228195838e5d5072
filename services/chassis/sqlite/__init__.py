"""How each file of SQLite is opened, locked, and told to be damaged."""
