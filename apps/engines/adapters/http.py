"""What the HTTP adapters share: addresses, clients, and one translation of failures."""

import contextlib
import json
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import httpx

from apps.rag.ports import EngineBusy, EngineRejected, EngineUnavailable

# Shorter than the five seconds after which common servers close an idle connection, so that a
# request is not sent into a socket that is just being closed.
_IDLE_S = 2.0
_LONGEST_RETRY_AFTER_S = 300.0


def base_address(address: str) -> str:
    """The address that ``/chat/completions`` is appended to: a bare host gets ``/v1``."""
    address = address.strip().rstrip("/")
    url = httpx.URL(address)
    return address if url.path.strip("/") else f"{address}/v1"


def client(address: str, *, token: str, timeout: httpx.Timeout) -> httpx.Client:
    """A pooled client for one server."""
    return httpx.Client(timeout=timeout, **_options(address, token))


def async_client(address: str, *, token: str, timeout: httpx.Timeout) -> httpx.AsyncClient:
    """A pooled client for one server and one event loop."""
    return httpx.AsyncClient(timeout=timeout, **_options(address, token))


def body(value: object) -> dict[str, Any]:
    """JSON as the arguments of a request. Halves of surrogate pairs, which files and browsers do
    send, are replaced: no server can read them."""
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "replace"
    )
    return {"content": content, "headers": {"Content-Type": "application/json"}}


def _options(address: str, token: str) -> dict[str, Any]:
    url = httpx.URL(address)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return {
        "headers": headers,
        "limits": httpx.Limits(max_connections=256, keepalive_expiry=_IDLE_S),
        # A proxy of the environment must not see what this product says to itself.
        "trust_env": not _is_loopback(url.host),
        # Loading the certificate store takes longer than a whole request to a local server.
        "verify": url.scheme == "https",
    }


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def failures(engine: str) -> Iterator[None]:
    """Turn transport failures into the errors that callers of the ports know."""
    try:
        yield
    except httpx.PoolTimeout as error:
        raise EngineBusy(f"{engine}: no free connection", is_ours=True) from error
    except httpx.TimeoutException as error:
        raise EngineUnavailable(f"{engine}: {type(error).__name__}") from error
    except httpx.TransportError as error:
        raise EngineUnavailable(f"{engine}: {type(error).__name__} {error}") from error
    except (httpx.InvalidURL, httpx.DecodingError, UnicodeError) as error:
        raise EngineUnavailable(f"{engine}: {error}") from error


def check_status(engine: str, response: httpx.Response, body: bytes) -> None:
    """Raise what a status other than 2xx means; ``body`` goes to the log only."""
    status = response.status_code
    if response.is_success:
        return
    said = f"{engine}: HTTP {status}: {body[:500].decode('utf-8', 'replace')}"
    if status in {429, 503}:
        raise EngineBusy(said, retry_after=retry_after(response))
    if 400 <= status < 500 and status != 408:
        raise EngineRejected(said)
    raise EngineUnavailable(said)


def retry_after(response: httpx.Response) -> float:
    """Seconds the server asks to wait; one where it says nothing that is a number."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return 1.0
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_S) if seconds == seconds else 1.0  # noqa: PLR0124 - NaN
