"""The nightly proof."""

from apps.core.jobs import Job, Queue

PROVE = Job("isolation.prove", queue=Queue.LIGHT, expires_s=3 * 3600)
