"""Roles that people made themselves, beside the three that everybody knows."""
