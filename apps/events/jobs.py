"""Background work on events."""

from datetime import timedelta

from apps.core.jobs import Job, Queue

SEAL_EVERY = timedelta(seconds=5)
RELAY_EVERY = timedelta(seconds=30)

SEAL = Job("events.seal", Queue.LIGHT, expires_s=30)
RELAY = Job("events.relay", Queue.LIGHT, expires_s=30)
VERIFY = Job("events.verify", Queue.LIGHT, expires_s=3600)
