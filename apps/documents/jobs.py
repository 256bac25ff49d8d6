"""Background work on documents. The tasks of the same names are in ``workers``."""

from apps.core.jobs import Job, Queue

PARSE = Job("documents.parse", queue=Queue.PARSE)
EMBED = Job("documents.embed", queue=Queue.EMBED)
CLEAN_UP = Job("documents.clean_up", queue=Queue.LIGHT)
SWEEP = Job("documents.sweep", queue=Queue.LIGHT, expires_s=60)
RECONCILE = Job("documents.reconcile", queue=Queue.LIGHT, expires_s=6 * 3600)
OPTIMIZE = Job("index.optimize", queue=Queue.LIGHT, expires_s=3600)
