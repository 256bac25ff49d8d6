"""What the server refuses, and what becomes of it."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx


class FootnoteError(Exception):
    """The server said no. ``code`` is for programs, ``message`` for people (in the language of
    ``Accept-Language``), ``details`` says what to change, ``retry_after`` how many seconds to wait
    where the server says so. ``may_be_done``: an earlier try of the call was lost, and may have
    been done."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: dict[str, Any],
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message, self.details = status, code, message, details
        self.retry_after, self.may_be_done = retry_after, False


def is_refusal(response: httpx.Response) -> bool:
    """Anything but a success; a redirect too, since the key is for this address alone."""
    return not response.is_success


def error_of(response: httpx.Response) -> FootnoteError:
    """The error in an answer; what is between (a proxy) may answer in another shape."""
    status, wait = response.status_code, retry_after(response)
    if response.has_redirect_location:
        return _redirected(response)
    try:
        said = response.json()["error"]
        details = said.get("details")
        kept = details if isinstance(details, dict) else {}
        return FootnoteError(status, said["code"], said["message"], kept, wait)
    except (ValueError, KeyError, TypeError, AttributeError):
        return FootnoteError(status, "HTTP", response.reason_phrase or "no reason", {}, wait)


def _redirected(response: httpx.Response) -> FootnoteError:
    to = response.headers["Location"]
    message = (
        f"The address answers with a redirect to {to!r}, which is not followed. "
        "Give the client the address at which the API itself answers."
    )
    return FootnoteError(response.status_code, "REDIRECTED", message, {"location": to})


def retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait by the header ``Retry-After``, which is a number or a date."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdecimal():
        return float(asked)
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max((until - datetime.now(UTC)).total_seconds(), 0.0)
