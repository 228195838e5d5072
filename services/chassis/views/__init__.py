"""Folded and appended views, their tables and generations; rebuilt and swapped while they answer."""
