"""Words and look-ups of the gateway's pages."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.translation import gettext_lazy as _

from apps.gateway.models import ModelVersion

register = template.Library()

_REASONS = {
    "by_hand": _("by hand"),
    "replaced": _("replaced by a newer one"),
    "failures": _("taken away: it failed more often"),
    "refusals": _("taken away: it refused more often"),
    "slow": _("taken away: its first word came later"),
    "as_good": _("as good as the one before"),
    "migrated": _("in use before there were models"),
}


@register.filter
def reason_words(version: ModelVersion) -> str:
    """Why a version is in its state."""
    return str(_REASONS.get(version.reason, version.reason))


@register.filter
def of(values: Mapping[Any, Any], key: Any) -> Any:
    """What a mapping holds for a key; None for nothing."""
    return values.get(key)


_BY = {
    "person": _("Person"),
    "group": _("Group"),
    "workspace": _("Workspace"),
    "application": _("Application"),
    "model": _("Model"),
    "day": _("Day"),
}


@register.filter
def by_words(name: str) -> str:
    """What the accounts are summed by."""
    return str(_BY[name])
