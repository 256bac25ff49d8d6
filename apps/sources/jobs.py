"""Background work on sources. The tasks of the same names are in ``workers``."""

from apps.core.jobs import Job, Queue

SYNC = Job("sources.sync", queue=Queue.LIGHT, expires_s=3600)
DUE = Job("sources.due", queue=Queue.LIGHT, expires_s=30)
