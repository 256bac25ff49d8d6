"""Why the chain does not hold, and why nothing is sent outside, in words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CHAIN: dict[str, Promise] = {
    "missing": _("an event is missing"),
    "changed": _("an event was changed"),
    "link": _("an event is in the wrong place"),
    "end": _("the end does not agree"),
    "erasure": _("what was erased does not agree with what was said of it"),
}
RELAY: dict[str, Promise] = {
    "address": _("the address is not understood"),
    "tls": _("no secure connection: see its certificates"),
    "timeout": _("no answer in time"),
    "connection": _("no connection"),
    "not_encrypted": _("not encrypted, and not to this machine"),
}
