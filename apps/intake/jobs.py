"""Background work on what comes in. The tasks of the same names are in ``workers``."""

from apps.core.jobs import Job, Queue

# Beside the reading of files: it is as heavy, and as little to be trusted.
UNPACK = Job("intake.unpack", queue=Queue.PARSE)
SWEEP = Job("intake.sweep", queue=Queue.LIGHT, expires_s=60)
