"""A document as its page shows it."""
