"""Background work of accounts."""

from apps.core.jobs import Job, Queue

FORGET_SESSIONS = Job("accounts.forget_sessions", Queue.LIGHT)
TELL = Job("accounts.tell", Queue.LIGHT)
