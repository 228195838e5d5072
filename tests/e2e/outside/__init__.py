"""A consumer from outside. `contract`, `records`, `judge` and `course` know the published files and nothing else of
this platform; a test holds them to that."""
