"""Template tags of the look: icons, sizes and times as every page shows them."""

from datetime import datetime, timedelta

from django import template
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decorative icon of the sprite; whoever uses it alone gives its button an aria-label."""
    return format_html(
        '<svg aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons/icons.svg"), name
    )


@register.filter
def size(number: int | None) -> str:
    """Bytes in the unit that a person would say: 212 KB, 4.1 MB."""
    value = float(number or 0)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            digits = 1 if unit == "MB" and value < 10 else 0
            return f"{formats.number_format(value, digits)} {unit}"
        value /= 1024
    return f"{formats.number_format(value, 1)} GB"


@register.filter
def duration(seconds: float | None) -> str:
    """A time to wait, no more exact than it is known: 1 minute at least, 12 minutes, 3 hours."""
    minutes = max(1, round((seconds or 0) / 60))
    if minutes < 90:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours = round(minutes / 60)
    return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}


@register.filter
def when(moment: datetime | None) -> str:
    """A time as people say it: a minute ago, 14:02, yesterday, 3 November, 2024-11-03."""
    if moment is None:
        return "–"
    now, local = timezone.localtime(), timezone.localtime(moment)
    if timedelta(0) <= now - local < timedelta(hours=1):
        return _minutes_ago(int((now - local).total_seconds() // 60))
    if local.date() == now.date():
        return formats.date_format(local, "H:i")
    if local.date() == (now - timedelta(days=1)).date():
        return _("yesterday")
    return formats.date_format(local, "MONTH_DAY_FORMAT" if local.year == now.year else "Y-m-d")


def _minutes_ago(minutes: int) -> str:
    if minutes == 0:
        return _("just now")
    return ngettext("%(n)d minute ago", "%(n)d minutes ago", minutes) % {"n": minutes}


@register.filter
def figure(number: int | None) -> str:
    """A whole number with its thousands set apart as the language does; a dash for nothing."""
    if number is None:
        return "–"
    return str(formats.number_format(number, 0, use_l10n=True, force_grouping=True))
