"""What is sent again, when, and as what: both clients ask this after each try."""

import random
import uuid
from dataclasses import replace

import httpx

from footnote_client.calls import Call
from footnote_client.errors import error_of, is_refusal

RETRIED = frozenset({429, 502, 503, 504})
# After these the server may have done it all the same.
UNSURE = frozenset({502, 503, 504})
# A server that wants more time than this is not waited for: the caller decides.
LONGEST_WAIT_S = 60.0
# The first sending of a write is worked on for so long at most; then its key is free again.
IN_PROGRESS_S, IN_PROGRESS_STEP_S = 600.0, 2.0
# Failures of earlier runs under the same key that are passed over.
MOST_REPLAYED = 50
KEY = "Idempotency-Key"


class Tries:
    """The tries of one call. ``call`` is what is sent next."""

    def __init__(self, call: Call, retries: int) -> None:
        self.call = call
        self._left = retries if call.is_safe else 0
        self._done, self._replayed, self._waited = 0, 0, 0.0
        self._may_be_done = False

    def after_loss(self) -> float | None:
        """Seconds until the next try; None when there is none."""
        self._may_be_done = True
        return self._next(None)

    def after(self, response: httpx.Response) -> float | None:
        """As ``after_loss``; None as well when the answer stands."""
        if not self.call.is_safe or response.is_success:
            return None
        if _is_in_progress(response):
            return self._in_progress()
        if response.status_code not in RETRIED:
            return None
        self._may_be_done |= response.status_code in UNSURE
        if not _is_kept_failure(response):
            return self._next(response)
        if "Idempotent-Replayed" in response.headers and self._replayed < MOST_REPLAYED:
            # Of an earlier run: it says nothing of how busy the server is now.
            self._replayed += 1
            self.call = _renewed(self.call)
            return 0.0
        if (wait := self._next(response)) is not None:
            self.call = _renewed(self.call)
        return wait

    def settled(self, response: httpx.Response) -> httpx.Response:
        """The last answer; raises FootnoteError when it is none."""
        if not is_refusal(response):
            return response
        error = error_of(response)
        error.may_be_done = self._may_be_done
        raise error

    def _next(self, response: httpx.Response | None) -> float | None:
        if self._done >= self._left:
            return None
        self._done += 1
        asked = error_of(response).retry_after if response is not None else None
        return wait_before(self._done - 1, asked)

    def _in_progress(self) -> float | None:
        if not self._left or self._waited >= IN_PROGRESS_S:
            return None
        self._waited += IN_PROGRESS_STEP_S
        return IN_PROGRESS_STEP_S


def wait_before(attempt: int, asked: float | None) -> float | None:
    """Seconds: what the server asks for, else longer each time, and never all at once. None when
    it asks for more than anybody waits."""
    if asked is not None:
        return asked if asked <= LONGEST_WAIT_S else None
    return min(0.5 * 2.0**attempt, 20.0) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _is_in_progress(response: httpx.Response) -> bool:
    """The first sending of this write is still worked on."""
    if response.status_code != 409:
        return False
    error = error_of(response)
    return error.code == "IDEMPOTENCY_CONFLICT" and bool(error.details.get("in_progress"))


def _is_kept_failure(response: httpx.Response) -> bool:
    """The question was saved and its answer failed: the same key is only answered that again."""
    is_replayed = "Idempotent-Replayed" in response.headers
    return is_replayed or "turn" in error_of(response).details


def _renewed(call: Call) -> Call:
    """The same under the key that follows from its key: a program that begins again with the first
    one comes to the same place."""
    if not (key := call.headers.get(KEY)):
        return call
    following = str(uuid.uuid5(uuid.NAMESPACE_OID, key))
    return replace(call, headers={**call.headers, KEY: following})
