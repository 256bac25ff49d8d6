"""Requests made up from the schema, against a live installation: see ``__main__``."""
