"""Addresses that name a hidden thing, against the same addresses naming nothing.

They are read from the URL tree: a new route with such an argument is asked without being written
here. What only reads is asked; what writes is refused in tests.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

from apps.isolation.world import Planted, Target, nowhere

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# Of the installation, refused to every visitor; of the program; the events of others, which a filter
# is needed for; and addresses that end or begin a session, or only make something.
_NOT_LISTED = (
    "administration/",
    "api/v1/administration/",
    "api/v1/applications",
    "api/v1/events",
    "api/v1/health",
    "api/v1/metrics",
    "api/v1/schema",
    "lost-factor",
    "mcp",
    "me",
    "saml",
    "scim",
    "sign-",
    "welcome",
)


@dataclass(frozen=True, slots=True)
class Address:
    """One address twice: naming a hidden thing, and naming nothing."""

    pattern: str
    there: str
    nowhere: str
    is_for_machines: bool


def arguments(target: Target) -> dict[str, str]:
    """What stands for each name in an address."""
    return {
        "slug": target.slug,
        "workspace": target.slug,
        "model": f"footnote/{target.slug}",
        "collection": str(target.collection),
        "store": f"vs_{target.collection.hex}",
        "document": str(target.document),
        "file": f"file-{target.document.hex}",
        "version": str(target.version),
        "chunk": str(target.chunk),
    }


_ROOM = {"slug", "workspace", "model"}
_KNOWN = frozenset(arguments(nowhere()))


def patterns() -> list[str]:
    """Every address whose arguments are all of a planted document."""
    return [pattern for pattern in everything() if _names(pattern) and _names(pattern) <= _KNOWN]


def everything() -> list[str]:
    """Every address of the program, as it is written in the URL tree."""
    return sorted(set(_walk(get_resolver().url_patterns, "")))


def is_for_machines(pattern: str) -> bool:
    return pattern.startswith(("api/", "v1/"))


def filled(pattern: str, values: Mapping[str, str]) -> str:
    """The address that a pattern becomes. Raises KeyError where a value is missing."""
    return "/" + _PARAMETER.sub(lambda found: values[found[1]], pattern)


def _names(pattern: str) -> set[str]:
    return set(_PARAMETER.findall(pattern))


def _walk(tree: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for one in tree:
        pattern = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, pattern)
        else:
            yield pattern


def addresses(planted: Planted, *, knows_workspace: bool) -> Iterator[Address]:
    """``knows_workspace``: the visitor uses the workspace, so that only what lies in it is hidden
    from them; its own name stays in the address that names nothing."""
    there, nothing = arguments(planted.target), arguments(nowhere())
    if knows_workspace:
        nothing |= {name: there[name] for name in _ROOM}
    for pattern in patterns():
        if knows_workspace and _names(pattern) <= _ROOM:
            continue
        yield Address(
            pattern,
            filled(pattern, there),
            filled(pattern, nothing),
            is_for_machines(pattern),
        )


def own(mine: Target | None) -> Iterator[tuple[str, str]]:
    """(pattern, address) of what a visitor may open: without arguments, and with those of
    something that they may read."""
    values = arguments(mine) if mine else {}
    for pattern in everything():
        if pattern.startswith(_NOT_LISTED) or not _names(pattern) <= values.keys():
            continue
        yield pattern, filled(pattern, values)
