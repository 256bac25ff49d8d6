"""An event as a line of syslog (RFC 5424)."""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation

from apps.events.models import Event
from apps.events.sentences import about, details, sentence_of

# "Log audit" of RFC 5424, and who may name elements of their own: the number is that of examples,
# for a program has none of its own.
_FACILITY = 13
_ELEMENT = "footnote@32473"
_WARNING, _NOTICE, _INFO = 4, 5, 6
_WARNINGS = frozenset(
    {"access.denied", "key.refused", "sign_in.failed", "sign_in.flood", "sign_in.locked"}
)
_NOTICED = ("second_factor.", "application.", "person.", "role.", "group.", "sign_on.", "events.")
_MOST_TEXT = 2000


def line_of(event: Event) -> bytes:
    """The whole message, without framing. What says which document it was is left out unless
    KB_SYSLOG_DETAILS says otherwise: whoever reads the SIEM may not read the document."""
    priority = _FACILITY * 8 + _severity(event.kind)
    host = _printable(urlsplit(settings.PUBLIC_URL).hostname or "", 255)
    at = event.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    head = f"<{priority}>1 {at} {host} footnote - {_printable(event.kind, 32)} {_element(event)} "
    return head.encode() + b"\xef\xbb\xbf" + _text(event).encode()


def _severity(kind: str) -> int:
    if kind in _WARNINGS:
        return _WARNING
    return _NOTICE if kind.startswith(_NOTICED) else _INFO


def _printable(text: str, most: int) -> str:
    """A field of the head: printable ASCII without spaces, or the sign for nothing."""
    return "".join(sign for sign in text if "!" <= sign <= "~")[:most] or "-"


def _element(event: Event) -> str:
    values = {
        "id": event.pk,
        "place": event.position,
        "link": event.link,
        "actor": event.actor.email if event.actor else "",
        "actor_id": event.actor_id,
        "address": event.address,
        "key_id": event.api_key_id,
        "application_id": event.application_id,
        "on_behalf_of": event.on_behalf_of,
        "workspace_id": event.workspace_id,
        "collection_id": event.collection_id,
        "object_type": event.object_type,
        "object_id": event.object_id,
    }
    said = (
        f'{name}="{_quoted(value)}"' for name, value in values.items() if value not in ("", None)
    )
    return f"[{_ELEMENT} {' '.join(said)}]"


def _quoted(value: object) -> str:
    r"""A value as RFC 5424 quotes it: ``"``, ``\`` and ``]`` behind a backslash. No line breaks."""
    text = _one_line(str(value))
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _text(event: Event) -> str:
    with translation.override("en"):
        said = [sentence_of(event.kind)]
        if _tells_names(event):
            said += [about(event.data), details(event.data)]
    return _one_line(" | ".join(filter(None, said)))[:_MOST_TEXT]


def _tells_names(event: Event) -> bool:
    of_collection = event.collection_id is not None or event.object_type == "collection"
    return not of_collection or settings.SYSLOG_DETAILS == "names"


def _one_line(text: str) -> str:
    """Without control characters: a name may hold a line break, to look like another message."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
