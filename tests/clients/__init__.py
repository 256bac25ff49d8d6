"""Clients of the API, against a live instance."""
