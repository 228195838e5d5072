"""A city as a whole made, moved to servers, put back from a backup, and filled again from its topics."""
