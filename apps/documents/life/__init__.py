"""When a document counts, what changed between versions, and what resembles it."""
