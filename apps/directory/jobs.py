"""Background work on directories. The tasks of the same names are in ``workers``."""

from apps.core.jobs import Job, Queue

SYNC = Job("directory.sync", queue=Queue.LIGHT, expires_s=3600)
DUE = Job("directory.due", queue=Queue.LIGHT, expires_s=30)
WATCH = Job("directory.watch", queue=Queue.LIGHT, expires_s=30)
