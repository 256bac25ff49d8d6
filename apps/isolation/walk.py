"""Addresses that name a hidden thing, against the same addresses naming nothing.

They are read from the URL tree: a new route with such an argument is asked without being written
here. What only reads is asked; what writes is refused in tests.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from django.urls import URLPattern, URLResolver, get_resolver

from apps.isolation.world import Planted

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True, slots=True)
class Address:
    """One address twice: naming a hidden thing, and naming nothing."""

    pattern: str
    there: str
    nowhere: str
    is_for_machines: bool


def _arguments(planted: Planted) -> dict[str, str]:
    return {
        "slug": planted.workspace.slug,
        "workspace": planted.workspace.slug,
        "collection": str(planted.collection.pk),
        "document": str(planted.document_id),
        "version": str(planted.version_id),
        "chunk": str(planted.chunk_ids[0]),
    }


def patterns() -> list[str]:
    """Every address whose arguments are all of a planted document."""
    known = {"slug", "workspace", "collection", "document", "version", "chunk"}
    return sorted(
        pattern
        for pattern in _walk(get_resolver().url_patterns, "")
        if (names := set(_PARAMETER.findall(pattern))) and names <= known
    )


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
    there = _arguments(planted)
    nothing = {name: str(uuid4()) for name in there}
    nothing |= {name: f"canary-{uuid4().hex}" for name in ("slug", "workspace")}
    if knows_workspace:
        nothing |= {name: there[name] for name in ("slug", "workspace")}
    for pattern in patterns():
        names = set(_PARAMETER.findall(pattern))
        if knows_workspace and names <= {"slug", "workspace"}:
            continue
        yield Address(
            pattern,
            "/" + _PARAMETER.sub(lambda found: there[found[1]], pattern),
            "/" + _PARAMETER.sub(lambda found: nothing[found[1]], pattern),
            pattern.startswith(("api/", "v1/")),
        )
