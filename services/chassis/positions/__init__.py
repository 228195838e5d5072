"""Position tokens: how far a store is, which tokens can have been given, and queries that wait for one."""
