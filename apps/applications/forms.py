"""Shapes of what administrators type about applications."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.applications.models import Acts, Application, Reach
from apps.permissions.roles import ApplicationScope


class _Lines(forms.CharField):
    """One value a line."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


class ApplicationForm(forms.Form):
    """An application and its limits."""

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What people call it, for example: SAP ERP.")
    )
    description = forms.CharField(label=_("Description"), max_length=500, required=False)
    acts = forms.ChoiceField(
        label=_("It asks"), choices=Acts.choices, widget=forms.RadioSelect, initial=Acts.PEOPLE
    )
    reach = forms.ChoiceField(
        label=_("On behalf of a person it opens"),
        choices=Reach.choices,
        widget=forms.RadioSelect,
        initial=Reach.GRANTED,
        help_text=_("Never more than the person may open, whatever is chosen here."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"),
        choices=ApplicationScope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[ApplicationScope.READ, ApplicationScope.ASK],
    )
    networks = _Lines(
        label=_("Addresses it may come from"),
        required=False,
        help_text=_("One a line, such as 10.20.0.0/16. None: from anywhere."),
    )
    origins = _Lines(
        label=_("Web pages that may call with its keys"),
        required=False,
        help_text=_("One a line, such as https://erp.example.com. None: no browser may."),
    )

    @staticmethod
    def values_of(application: Application) -> dict[str, Any]:
        names = ("name", "description", "acts", "reach", "scopes", "networks", "origins")
        return {name: getattr(application, name) for name in names}


class ApplicationKeyForm(forms.Form):
    """A key of an application."""

    name = forms.CharField(label=_("What it is for"), max_length=100)
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            ("live", _("Live: what the application was granted")),
            ("sandbox", _("Sandbox: what its sandbox account was granted")),
        ],
        initial="live",
    )
    days = forms.TypedChoiceField(
        label=_("Expires"),
        choices=[
            ("90", _("in 90 days")),
            ("365", _("in a year")),
            ("", _("never")),
        ],
        coerce=int,
        empty_value=None,
        required=False,
        initial="365",
    )
    requests_per_minute = forms.IntegerField(
        label=_("Requests a minute"), min_value=1, max_value=100_000, initial=600
    )
    tokens_per_day = forms.IntegerField(
        label=_("Tokens a day"),
        min_value=0,
        max_value=2_000_000_000,
        initial=0,
        help_text=_("What answers may cost the language model. 0: not limited."),
    )

    def values(self) -> dict[str, Any]:
        """For ``services.create_key``."""
        values = dict(self.cleaned_data)
        is_sandbox = values.pop("kind") == "sandbox"
        expires_at = _in(values.pop("days"))
        return {**values, "is_sandbox": is_sandbox, "expires_at": expires_at}


def _in(days: int | None) -> datetime | None:
    return timezone.now() + timedelta(days=days) if days else None


class PublicKeyForm(forms.Form):
    """Public keys as they are pasted."""

    text = forms.CharField(
        label=_("Public key"),
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text=_("PEM, JWK or JWKS; P-256, RSA of at least 2048 bits, or Ed25519."),
    )
    kid = forms.CharField(
        label=_("Key id (kid)"),
        max_length=200,
        required=False,
        help_text=_("Empty: the one in the key, or its thumbprint."),
    )
