"""Asking to be let into a collection that one sees listed and cannot open."""
