"""The project: everything that wires, nothing that decides."""

from workers.app import celery_app

__all__ = ["celery_app"]
