"""Given/when/then and property tests of the project."""
