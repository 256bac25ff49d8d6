"""Signs of life. Every probe answers within two seconds and never raises."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from workers.supervision.plan import Check, Probe

_PATIENCE_S = 2.0


async def sign_of_life(probe: Probe) -> str:
    """A text that is not empty when the part answers. For a pulse it changes with every beat."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await _ask(probe)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        return ""


async def _ask(probe: Probe) -> str:
    match probe.check:
        case Check.NONE:
            return "running"
        case Check.PULSE:
            return _age_of(probe.target)
        case Check.REDIS:
            return await _say(probe.target, b"PING\r\n", wanted=b"+PONG")
        case Check.TCP:
            return await _say(probe.target, b"", wanted=b"")
        case Check.HTTP_OK:
            return await _get(probe.target, wanted=b" 200 ")
        case Check.HTTP_ANY:
            return await _get(probe.target, wanted=b" ")


def _age_of(path: str) -> str:
    return str(Path(path).stat().st_mtime_ns)


async def _say(target: str, words: bytes, *, wanted: bytes) -> str:
    if target.startswith("/"):
        reader, writer = await asyncio.open_unix_connection(target)
    else:
        host, _, port = target.rpartition(":")
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        if not words:
            return "connected"
        writer.write(words)
        line = await reader.readline()
    finally:
        writer.close()
    return "answered" if line.startswith(wanted) else ""


async def _get(address: str, *, wanted: bytes) -> str:
    url = urlsplit(address)
    request = (
        f"GET {url.path or '/'} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        "Accept: application/json\r\nConnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(url.hostname, url.port or 80)
    try:
        writer.write(request.encode())
        line = await reader.readline()
    finally:
        writer.close()
    return "answered" if line.startswith(b"HTTP/1.") and wanted in line else ""
