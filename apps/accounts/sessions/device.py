"""What a person recognises a session by: the browser and the system, from what it says of itself."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.accounts.models import BrowserSession

# In this order: most browsers also name those they descend from.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("MicroMessenger", "WeChat"),
    ("DingTalk", "DingTalk"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_NARROW = re.compile(r"Mobile|Android|iPhone")


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the list."""

    session: BrowserSession
    name: str
    is_narrow: bool
    is_here: bool


def name_of(agent: str) -> str:
    """ "Firefox, Windows", or "Unknown device"."""
    found = [_first(agent, names) for names in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found)) or _("Unknown device")


def _first(agent: str, names: Iterable[tuple[str, str]]) -> str:
    return next((name for mark, name in names if mark in agent), "")


def listed(rows: Iterable[BrowserSession], request: HttpRequest) -> list[Listed]:
    """The rows with their names; the one of this request first."""
    here = request.session.session_key
    made = [
        Listed(row, name_of(row.agent), bool(_NARROW.search(row.agent)), row.session_key == here)
        for row in rows
    ]
    return sorted(made, key=lambda each: not each.is_here)
