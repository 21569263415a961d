"""The levers of a response plan, one file a field of work; engine/plan.py puts them together."""
