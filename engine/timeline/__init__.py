"""A run told as an incident log: entries, situation reports, one incident from call to close."""
