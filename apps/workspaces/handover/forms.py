"""To whom, and who they are."""

from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.accounts import queries
from apps.accounts.models import User


def person(name: str) -> User | None:
    """Somebody by id, e-mail address or login name, though they may have left. No program."""
    wanted = name.strip()
    try:
        known = Q(pk=UUID(wanted))
    except ValueError:
        known = Q(email__iexact=wanted) | Q(login__iexact=wanted)
    return queries.people().filter(known).first() if wanted else None


class HandOverForm(forms.Form):
    """Who gets it; the value of ``to`` is the person."""

    to = forms.CharField(
        label=_("Hand over to"),
        max_length=254,
        help_text=_("E-mail address or login name."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    gives_roles = forms.BooleanField(
        label=_("Give them the roles that it takes"),
        required=False,
        help_text=_("Viewer or manager of a workspace, where they have too little for it there."),
    )

    def __init__(self, *args: Any, giver: User | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.giver = giver

    def clean_to(self) -> Any:
        found = person(str(self.cleaned_data["to"]))
        if found is None or not found.is_active:
            raise forms.ValidationError(_("Nobody here has this address or login name."))
        if found == self.giver:
            raise forms.ValidationError(_("It is theirs already."))
        return found
