"""What the gateway adds to a model server's own time: see ``python -m bench.gateway --help``."""
