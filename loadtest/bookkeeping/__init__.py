"""What a run writes down and merges exactly: outcomes, latencies, the fate of each message; and thresholds."""
