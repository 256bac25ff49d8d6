"""Background work on provisioning. The task of the same name is in ``workers``."""

from apps.core.jobs import Job, Queue

SETTLE = Job("scim.settle", queue=Queue.LIGHT, expires_s=3600)
