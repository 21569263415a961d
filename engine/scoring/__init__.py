"""What a run was worth: metrics, fairness and comparison, read from City and the event log."""
