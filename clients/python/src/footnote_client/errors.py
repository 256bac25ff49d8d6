"""What the server refuses, and what becomes of it."""

from typing import Any

import httpx


class FootnoteError(Exception):
    """The server said no. ``code`` is for programs, ``message`` for people (in the language of
    ``Accept-Language``), ``details`` says what to change."""

    def __init__(self, status: int, code: str, message: str, details: dict[str, Any]) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message, self.details = status, code, message, details


def error_of(response: httpx.Response) -> FootnoteError:
    """The error in an answer; what is between (a proxy) may answer in another shape."""
    try:
        said = response.json()["error"]
        return FootnoteError(
            response.status_code, said["code"], said["message"], said.get("details", {})
        )
    except (ValueError, KeyError, TypeError):
        reason = response.reason_phrase or "no reason"
        return FootnoteError(response.status_code, "HTTP", reason, {})
