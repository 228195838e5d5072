"""What the city has decided: its programme as data, and who its units and posts are on any day."""
