"""What is installed may be given on: permissive licences only, or a line that says why."""

import re
from importlib import metadata

from packaging.requirements import Requirement

from tests.guards.allowed import LICENCES
from tests.guards.code import ROOT, stale

_PERMISSIVE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|Python-2\.0|Unlicense|Zlib|HPND|"
    r"CC0|Public Domain|CNRI|MIT-CMU|NCSA|PostgreSQL|BSL-1\.0)\b",
    re.IGNORECASE,
)
_COPYLEFT = re.compile(r"\b(A?GPL|LGPL|MPL|EUPL|General Public|Mozilla)", re.IGNORECASE)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _wanted() -> list[Requirement]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    named = [line.partition("#")[0].strip() for line in lines]
    return [Requirement(line) for line in named if line and line[0] != "-"]


def _closure(wanted: list[Requirement]) -> dict[str, metadata.Distribution]:
    """These distributions and all that they need here, as far as they are installed."""
    installed = {_plain(each.name): each for each in metadata.distributions()}
    found: dict[str, metadata.Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(_plain(each.name), extra) for each in wanted for extra in ("", *each.extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen or name not in installed:
            continue
        seen.add((name, extra))
        found[name] = installed[name]
        for line in installed[name].requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(_plain(needed.name), each) for each in ("", *needed.extras)]
    return found


def _licence(distribution: metadata.Distribution) -> str:
    """What its metadata says, the shortest statement first; the full text is no statement."""
    about = distribution.metadata
    classifiers = [c for c in about.get_all("Classifier", []) if c.startswith("License ::")]
    said = [about.get("License-Expression") or "", *classifiers, about.get("License") or ""]
    return " | ".join(text.strip()[:100] for text in said if text.strip())


def _is_permissive(licence: str) -> bool:
    return bool(_PERMISSIVE.search(licence)) and not _COPYLEFT.search(licence)


def test_every_package_is_permissive_or_listed_with_a_reason():
    doubtful = {
        name: _licence(each)
        for name, each in _closure(_wanted()).items()
        if not _is_permissive(_licence(each))
    }
    assert {name: text for name, text in doubtful.items() if name not in LICENCES} == {}
    assert not stale(set(doubtful), set(LICENCES))


def test_no_package_is_under_a_licence_that_would_bind_this_product():
    for name, each in _closure(_wanted()).items():
        if name not in LICENCES:
            assert not re.search(r"(?<!L)A?GPL|Affero", _licence(each)), name
