"""What operations sees of a process: logs, metrics, traces."""
