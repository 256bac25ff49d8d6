"""Background work on conversations. The task of the same name is in ``workers``."""

from apps.core.jobs import Job, Queue

CLOSE_INTERRUPTED = Job("chat.close_interrupted", queue=Queue.LIGHT, expires_s=60)
