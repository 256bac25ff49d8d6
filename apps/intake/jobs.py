"""Background work on what comes in. The tasks of the same names are in ``workers``."""

from apps.core.jobs import Job, Queue

SWEEP = Job("intake.sweep", queue=Queue.LIGHT, expires_s=300)
