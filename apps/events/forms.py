"""Which events an administrator wants to see."""

from collections.abc import Iterable
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.events.queries import DAYS, Wanted
from apps.events.sentences import SENTENCES


def _day() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class AuditForm(forms.Form):
    """Filters; all are optional."""

    who = forms.CharField(label=_("Who (e-mail or name)"), max_length=254, required=False)
    kind = forms.ChoiceField(label=_("What"), required=False)
    application = forms.ChoiceField(label=_("Through the application"), required=False)
    address = forms.GenericIPAddressField(label=_("Address"), required=False, unpack_ipv4=True)
    since = forms.DateField(label=_("Since"), required=False, widget=_day(), validators=DAYS)
    until = forms.DateField(label=_("Until"), required=False, widget=_day(), validators=DAYS)

    def __init__(self, data: object, *, applications: Iterable[tuple[UUID, str]]) -> None:
        super().__init__(data)  # type: ignore[arg-type] # a QueryDict
        kinds = sorted(SENTENCES.items(), key=lambda pair: str(pair[1]))
        self.fields["kind"].choices = [("", _("All kinds")), *kinds]  # type: ignore[attr-defined]
        named = [(str(pk), name) for pk, name in applications]
        self.fields["application"].choices = [("", _("Any or none")), *named]  # type: ignore[attr-defined]

    def wanted(self) -> Wanted:
        """What is asked for; a filter that is not understood narrows nothing and says so."""
        values = self.cleaned_data
        application = values.get("application")
        return Wanted(
            kind=values.get("kind") or "",
            who=values.get("who") or "",
            application=UUID(application) if application else None,
            address=values.get("address") or "",
            since=values.get("since"),
            until=values.get("until"),
        )
