"""Passages as people see and change them, and how a collection cuts its documents."""
