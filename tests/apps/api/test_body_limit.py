"""A body that is too large is refused before it is read."""

import errno
import json
from dataclasses import dataclass

import pytest

from apps.core.uploads import BodyLimit

TWO_GB = 2 * 1024**3


class _Inner:
    """An application that reads its whole body, as Django does."""

    def __init__(self):
        self.read = 0

    async def __call__(self, scope, receive, send):
        more = True
        while more:
            message = await receive()
            self.read += len(message.get("body", b""))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def _sent(path="/api/v1/x", headers=(), pieces=(b"",)):
    """(status, headers, body, bytes the application read) of one request."""
    inner, answer, left = _Inner(), [], list(pieces)

    async def receive():
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(message):
        answer.append(message)

    encoded = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "path": path, "headers": encoded}
    await BodyLimit(inner)(scope, receive, send)
    start, body = answer
    return start["status"], dict(start["headers"]), body["body"], inner.read


async def test_two_gigabytes_announced_are_refused_and_nothing_is_read():
    status, headers, body, read = await _sent(headers=[("content-length", str(TWO_GB))])
    error = json.loads(body)["error"]
    assert (status, error["code"], read) == (413, "TOO_LARGE", 0)
    assert error["details"]["limit_mb"] == 200
    assert headers[b"connection"] == b"close"


async def test_a_body_without_a_length_is_cut_off_at_the_limit(settings):
    settings.UPLOAD_MAX_BYTES = 1000
    piece = b"x" * 400_000
    status, _headers, _body, read = await _sent(pieces=[piece] * 10)
    assert status == 413
    assert read < 10 * len(piece)


async def test_what_is_within_the_limit_goes_through():
    status, _headers, _body, read = await _sent(
        headers=[("content-length", "5")], pieces=[b"he", b"llo"]
    )
    assert (status, read) == (200, 5)


@pytest.mark.parametrize("length", ["", "x", "-1", "1e99", "٣"])
async def test_a_length_that_is_no_number_is_counted_instead(length):
    assert (await _sent(headers=[("content-length", length)]))[0] == 200


async def test_a_page_is_told_in_its_language_in_words():
    headers = [("content-length", str(TWO_GB)), ("accept-language", "xx;q=2,en;q=0.8")]
    _status, answered, body, _read = await _sent("/k/1/upload", headers)
    assert answered[b"content-type"].startswith(b"text/plain")
    assert body == b"The file is larger than this installation accepts."


async def test_a_script_of_a_page_is_told_in_json():
    headers = [("content-length", str(TWO_GB)), ("accept", "application/json")]
    assert json.loads((await _sent("/k/1/upload", headers))[2])["error"]["code"] == "TOO_LARGE"


async def test_sockets_are_not_counted():
    seen = []

    async def inner(scope, receive, send):
        seen.append(scope["type"])

    await BodyLimit(inner)({"type": "websocket", "headers": []}, None, None)
    assert seen == ["websocket"]


async def test_what_the_disk_has_no_room_for_is_refused_and_nothing_is_read(monkeypatch):
    monkeypatch.setattr("apps.core.room.shutil.disk_usage", lambda _folder: _Usage(20 * 1024**2))
    announced = [("content-length", str(50 * 1024**2))]
    status, _headers, body, read = await _sent(headers=announced)
    assert (status, json.loads(body)["error"]["code"], read) == (507, "DISK_FULL", 0)
    small = [("content-length", "2000")]
    assert (await _sent(headers=small))[0] == 200, "what is small may still be asked and answered"


async def test_a_disk_that_fills_up_while_a_body_is_read_is_said_to_be_full():
    async def full(_scope, _receive, _send):
        raise OSError(errno.ENOSPC, "No space left on device")

    answer = []

    async def send(message):
        answer.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    await BodyLimit(full)({"type": "http", "path": "/api/v1/x", "headers": []}, receive, send)
    assert answer[0]["status"] == 507
    assert json.loads(answer[1]["body"])["error"]["code"] == "DISK_FULL"


@dataclass
class _Usage:
    free: int
