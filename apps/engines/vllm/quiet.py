"""Quiet hours: when an engine is stopped unless somebody asks it something."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils.translation import gettext as _

from apps.engines.vllm.refusal import CannotServe

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(
    r"(?:([a-z]{3})(?:-([a-z]{3}))? )?([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Span:
    """From ``begin`` for ``minutes``, on days that begin with one of ``days`` (0 is Monday)."""

    days: frozenset[int]
    begin: time
    minutes: int

    def holds(self, moment: datetime) -> bool:
        """Whether the moment is in it; a span over midnight belongs to the day it began."""
        for back in (0, 1):
            day = moment.date() - timedelta(days=back)
            begun = datetime.combine(day, self.begin, moment.tzinfo)
            ends = begun + timedelta(minutes=self.minutes)
            if day.weekday() in self.days and begun <= moment < ends:
                return True
        return False


def read_hours(words: str) -> tuple[Span, ...]:
    """``20:00-07:00; sat-sun 00:00-24:00``: spans, each with days or on all of them."""
    return tuple(_span(each.strip().lower()) for each in words.split(";") if each.strip())


def is_quiet(hours: tuple[Span, ...], moment: datetime) -> bool:
    """Whether the moment is in any of the spans."""
    return any(span.holds(moment) for span in hours)


def _span(words: str) -> Span:
    match = _SPAN.fullmatch(words)
    known = match and all(day is None or day in _DAYS for day in match.groups()[:2])
    if not match or not known:
        raise CannotServe(
            _("%(words)s are no hours.") % {"words": words},
            _("Write 20:00-07:00, or with days: mon-fri 20:00-07:00; sat-sun 00:00-24:00."),
        )
    first, last, hour, minute, to_hour, to_minute = match.groups()
    begin = int(hour) * 60 + int(minute)
    end = int(to_hour) * 60 + int(to_minute) if to_hour else 24 * 60
    minutes = end - begin if end > begin else end - begin + 24 * 60
    return Span(_days(first, last), time(int(hour), int(minute)), minutes)


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(7))
    begin, end = _DAYS.index(first), _DAYS.index(last or first)
    return frozenset((begin + step) % 7 for step in range((end - begin) % 7 + 1))
