"""Browsers in which people are signed in: how long, which ones, and their end."""
