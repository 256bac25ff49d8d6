"""Files on their way in: names, types, addresses."""
