"""Shapes of sources in pages. What a kind wants is in its connector."""

from datetime import time
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from apps.sources.models import Source
from apps.sources.services import Schedule

DAILY = "daily"
_EVERY: list[tuple[str, Any]] = [
    ("15", _("every 15 minutes")),
    ("60", _("every hour")),
    ("360", _("every 6 hours")),
    (DAILY, _("daily")),
    ("0", _("only when somebody starts it")),
]


class GeneralForm(forms.Form):
    """Name and schedule, for every kind."""

    name = forms.CharField(label=_("Name"), max_length=120)
    every = forms.ChoiceField(label=_("Looks for changes"), choices=_EVERY, initial="60")
    daily_at = forms.TimeField(
        label=_("At"),
        required=False,
        initial=time(3),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Of the day, when it looks daily."),
    )

    def __init__(self, *args: Any, source: Source | None = None, **kwargs: Any) -> None:
        if source is not None:
            kwargs["initial"] = _initial(source)
        super().__init__(*args, **kwargs)
        every = str(source.every_minutes) if source is not None else "0"
        if every not in dict(_EVERY):
            own = (every, _t("every %(n)s minutes") % {"n": every})
            self.fields["every"].choices = [own, *_EVERY]  # type: ignore[attr-defined]

    def schedule(self) -> Schedule:
        """As the services take it."""
        every = str(self.cleaned_data["every"])
        if every == DAILY:
            return {"every_minutes": 0, "daily_at": self.cleaned_data["daily_at"] or time(3)}
        return {"every_minutes": int(every), "daily_at": None}


def _initial(source: Source) -> dict[str, Any]:
    every = DAILY if source.daily_at else str(source.every_minutes)
    return {"name": source.name, "every": every, "daily_at": source.daily_at or time(3)}


class ConfirmForm(forms.Form):
    remove = forms.IntegerField(min_value=1)


class EndForm(forms.Form):
    """Stop following: with or without the documents."""

    documents = forms.ChoiceField(
        label=_("Its documents"),
        choices=[("keep", _("stay in the collection")), ("delete", _("are deleted"))],
        initial="keep",
        widget=forms.RadioSelect,
    )
