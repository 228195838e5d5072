"""What takes facts in: its tables, with checkpoints and parked streams in the same transaction."""
