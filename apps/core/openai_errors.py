"""Errors as programs of OpenAI's dialect expect them; their SDKs choose a class by the status."""

from collections.abc import Mapping
from typing import Any

from apps.core.errors import ErrorCode, sentence_with

PREFIX = "/v1/"
# What those programs know by another name; the rest are ours in lower case.
_CODES = {
    ErrorCode.INVALID_KEY: "invalid_api_key",
    ErrorCode.NOT_SIGNED_IN: "invalid_api_key",
    ErrorCode.TOO_MANY_REQUESTS: "rate_limit_exceeded",
    ErrorCode.CONTEXT_TOO_LONG: "context_length_exceeded",
}
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def speaks_openai(path: str) -> bool:
    """Whether this address answers in OpenAI's dialect."""
    return path.startswith(PREFIX)


def openai_error_body(
    code: str, *, status: int, details: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """``{"error": {message, type, param, code}}``. ``details`` may give ``param``, ``reason`` (said
    after the sentence) and ``openai_code``."""
    said = dict(details or {})
    reason = said.get("reason")
    sentence = sentence_with(code, said)
    return {
        "error": {
            "message": f"{sentence} {reason}" if reason else sentence,
            "type": _TYPES.get(
                status, "server_error" if status >= 500 else "invalid_request_error"
            ),
            "param": said.get("param"),
            "code": said.get("openai_code") or _CODES.get(ErrorCode(code), code.lower()),
        }
    }
