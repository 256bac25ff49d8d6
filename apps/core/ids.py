"""Identifiers of rows."""

from uuid import UUID

import uuid6


def uuid7() -> UUID:
    """A time-ordered UUID (RFC 9562): sorts by creation, so indexes stay dense."""
    return UUID(bytes=uuid6.uuid7().bytes)
