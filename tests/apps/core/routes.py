"""Every address of the installation, read from the URL tree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Route:
    """One address: its pattern, its name, the view behind it."""

    pattern: str
    name: str
    view: Any

    @property
    def parameters(self) -> list[str]:
        return _PARAMETER.findall(self.pattern)

    @property
    def is_api(self) -> bool:
        return self.pattern.startswith(("api/", "v1/", "mcp"))

    def path(self, values: dict[str, str]) -> str:
        return "/" + _PARAMETER.sub(lambda found: values[found[1]], self.pattern)


def routes() -> list[Route]:
    return list(_walk(get_resolver().url_patterns, "", ""))


def _walk(patterns: list[URLPattern | URLResolver], prefix: str, space: str) -> Iterator[Route]:
    for one in patterns:
        pattern = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            inner = f"{space}{one.namespace}:" if one.namespace else space
            yield from _walk(one.url_patterns, pattern, inner)
        else:
            yield Route(pattern, f"{space}{one.name}", one.callback)
