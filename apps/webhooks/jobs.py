"""Background work of webhooks."""

from datetime import timedelta

from apps.core.jobs import Job, Queue

EVERY = timedelta(seconds=5)

DELIVER = Job("webhooks.deliver", Queue.LIGHT, expires_s=30)
FORGET = Job("webhooks.forget", Queue.LIGHT)
