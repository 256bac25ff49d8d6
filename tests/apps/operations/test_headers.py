"""What every answer carries, and what settings refuse."""

import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from kb_platform.env import Env
from kb_platform.headers import LeastHeaders


async def _headers(said: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Of an answer whose application says ``said``."""
    heard: list[dict] = []

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": said})
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        heard.append(message)

    await LeastHeaders(application)({"type": "http"}, None, send)
    return dict(heard[0]["headers"])


async def test_an_answer_that_says_nothing_is_not_guessed_at_and_not_framed():
    headers = await _headers([(b"content-type", b"text/css")])
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"content-security-policy"] == b"frame-ancestors 'none'"
    assert headers[b"content-type"] == b"text/css"


async def test_a_policy_of_its_own_stays():
    headers = await _headers([(b"Content-Security-Policy", b"default-src 'none'")])
    assert headers[b"Content-Security-Policy"] == b"default-src 'none'"
    assert b"content-security-policy" not in headers


def test_a_key_that_somebody_typed_is_refused_without_repeating_it():
    with pytest.raises(ValidationError, match="at least 32 characters") as refused:
        Env(secret_key="correct horse")  # type: ignore[arg-type]
    assert "horse" not in str(refused.value)


@pytest.mark.parametrize(("is_secure", "begins"), [("true", "__Host-fn_"), ("false", "fn_")])
def test_behind_tls_no_other_host_can_plant_a_cookie(is_secure, begins, tmp_path):
    """Browsers take a ``__Host-`` cookie only over TLS, for this host and for all of it."""
    names = subprocess.run(
        [
            sys.executable,
            "-c",
            "from kb_platform import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME)",
        ],
        env={**os.environ, "KB_SECURE_COOKIES": is_secure, "KB_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert len(names) == 2
    assert all(name.startswith(begins) for name in names)
