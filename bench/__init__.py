"""Measurements through the public API, like a user. Each prints one JSON line per figure."""
