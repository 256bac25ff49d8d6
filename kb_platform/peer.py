"""Who opened the connection, and for whom: a listed proxy is believed about who asks."""

from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware


def behind_proxies(application: Any, proxies: str) -> Any:
    """``scope["client"]`` becomes whom the proxies in the list name; ``scope["peer"]`` is the
    address of the connection itself, which nobody can write into a header."""
    inner: Any = ProxyHeadersMiddleware(application, trusted_hosts=proxies)

    async def noted(scope: Any, receive: Any, send: Any) -> None:
        client = scope.get("client")
        await inner({**scope, "peer": client[0] if client else ""}, receive, send)

    return noted
