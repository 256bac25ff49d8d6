"""Identifiers of rows."""

from uuid import UUID

import uuid6


def as_uuid(text: str) -> UUID | None:
    """The id that a text is, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def uuid7() -> UUID:
    """A time-ordered UUID (RFC 9562): sorts by creation, so indexes stay dense."""
    return UUID(bytes=uuid6.uuid7().bytes)
