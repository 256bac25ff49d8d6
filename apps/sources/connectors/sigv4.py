"""AWS Signature Version 4 for S3, as every compatible store understands it: for requests without a
body, with the address as it is sent."""

import hashlib
import hmac
from collections.abc import Generator
from datetime import UTC, datetime

import httpx

_NOTHING = hashlib.sha256(b"").hexdigest()
_ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNED = ("host", "x-amz-content-sha256", "x-amz-date")


class SigV4(httpx.Auth):
    """Signs each request with a key pair for one region."""

    def __init__(self, access_key: str, secret_key: str, region: str) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._region = region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        now = datetime.now(UTC)
        request.headers["x-amz-date"] = now.strftime("%Y%m%dT%H%M%SZ")
        request.headers["x-amz-content-sha256"] = _NOTHING
        scope = f"{now:%Y%m%d}/{self._region}/s3/aws4_request"
        digest = hashlib.sha256(_canonical(request).encode()).hexdigest()
        text = "\n".join((_ALGORITHM, request.headers["x-amz-date"], scope, digest))
        signature = hmac.new(self._key(scope), text.encode(), hashlib.sha256).hexdigest()
        request.headers["Authorization"] = (
            f"{_ALGORITHM} Credential={self._access_key}/{scope}, "
            f"SignedHeaders={';'.join(_SIGNED)}, Signature={signature}"
        )
        yield request

    def _key(self, scope: str) -> bytes:
        key = f"AWS4{self._secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key


def _canonical(request: httpx.Request) -> str:
    path, _mark, query = request.url.raw_path.decode("ascii").partition("?")
    pairs = sorted(pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair)
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in _SIGNED)
    return "\n".join((request.method, path, "&".join(pairs), headers, ";".join(_SIGNED), _NOTHING))
