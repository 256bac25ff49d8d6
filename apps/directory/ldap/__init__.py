"""Talking to a directory: how to reach it, how to read it. Knows nothing of this product's rows."""
