"""The proof that nobody gets what they may not see: secrets are planted and asked for."""
