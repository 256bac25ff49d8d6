"""Deletion with a receipt, and the comparison of all stores."""
