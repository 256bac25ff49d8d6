"""Shapes of single sign-on in pages. What a kind wants is with the kind."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.signon.kinds.base import CommaField
from apps.signon.models import SignOnProvider
from apps.signon.services import Wanted


class ProviderForm(forms.Form):
    """What every kind has."""

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("On its button: Sign in with …")
    )
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80, required=False)
    slug = forms.RegexField(
        r"^[a-z0-9][a-z0-9-]*\Z",
        label=_("Short name"),
        max_length=40,
        help_text=_("Part of its addresses here: lower-case letters, digits, hyphens. It stays."),
    )
    creates_people = forms.BooleanField(
        label=_("People who were never here get an account"), required=False, initial=True
    )
    confirms_emails = forms.BooleanField(
        label=_("Its e-mail addresses are right"),
        required=False,
        help_text=_("Tick it where nobody can choose an address: a directory behind it decides."),
    )
    domains = CommaField(
        label=_("E-mail domains it speaks for"),
        required=False,
        help_text=_(
            "An account that is there already is taken over when its confirmed address ends so. "
            "Empty: never; people connect it on their own page."
        ),
    )
    is_on = forms.BooleanField(label=_("People may sign in with it"), required=False)

    def __init__(self, *args: Any, provider: SignOnProvider | None = None, **kwargs: Any) -> None:
        if provider is not None:
            names = (*self.base_fields,)
            kwargs["initial"] = {name: getattr(provider, name) for name in names}
        super().__init__(*args, **kwargs)
        if provider is not None:
            self.fields["slug"].disabled = True

    def wanted(self) -> Wanted:
        return Wanted(**self.cleaned_data)


class PolicyForm(forms.Form):
    passwords_for_administrators_only = forms.BooleanField(
        label=_("Passwords are for administrators only, in an emergency"), required=False
    )
