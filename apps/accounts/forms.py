"""Shapes of what people type about themselves, their keys and each other."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import password_validation
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.permissions.roles import KeyScope


def _password(autocomplete: str) -> forms.PasswordInput:
    return forms.PasswordInput(attrs={"autocomplete": autocomplete})


class SignInForm(forms.Form):
    username = forms.CharField(
        label=_("E-mail or login name"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
        ),
    )
    password = forms.CharField(
        label=_("Password"), max_length=1000, strip=False, widget=_password("current-password")
    )


class ConfirmForm(forms.Form):
    """The password once more, or the code of an app, by somebody who is signed in."""

    password = forms.CharField(
        label=_("Password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, *args: Any, takes_code: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if takes_code:
            self.fields["password"].label = _("Password, or the code of your app")


class CodeForm(forms.Form):
    """Six digits of an authenticator app, or a recovery code."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "autofocus": True}
        ),
        help_text=_("Six digits of your authenticator app, or one of your recovery codes."),
    )

    def __init__(self, *args: Any, is_app: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_app:
            self.fields["code"].help_text = _("The six digits that the app shows now.")
            self.fields["code"].widget.attrs["inputmode"] = "numeric"


class PasskeyForm(forms.Form):
    name = forms.CharField(
        label=_("Name of the passkey"),
        max_length=100,
        help_text=_("By which you know the device again, for example: telephone."),
    )


class NewPasswordForm(forms.Form):
    """A field for a new password, checked against the person it is for."""

    person: User | None = None

    password = forms.CharField(
        label=_("Password"),
        max_length=1000,
        strip=False,
        widget=_password("new-password"),
        help_text=_("At least 12 characters. A short sentence is good."),
    )

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        person = self.person or User(
            email=self.cleaned_data.get("email", ""), name=self.cleaned_data.get("name", "")
        )
        password_validation.validate_password(password, person)
        return password


class SetupForm(NewPasswordForm):
    """The first administrator."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
        help_text=_("You sign in with it. Nothing is sent to it."),
    )
    field_order = ("name", "email", "password")


class JoinForm(NewPasswordForm):
    """Name and password of somebody who was invited, or a new password."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ("name", "password")


class ProfileForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=150)
    login = forms.RegexField(
        label=_("Login name"),
        regex=r"^[^\s@]+$",
        max_length=150,
        required=False,
        help_text=_("A short name to sign in with, instead of the e-mail address."),
        error_messages={"invalid": _("No spaces and no @ in a login name.")},
    )


class PasswordForm(NewPasswordForm):
    """A new password, by somebody who knows the present one."""

    current = forms.CharField(
        label=_("Present password"),
        max_length=1000,
        strip=False,
        widget=_password("current-password"),
    )
    field_order = ("current", "password")

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person
        self.fields["password"].label = _("New password")

    def clean_current(self) -> str:
        current = str(self.cleaned_data["current"])
        if self.person is None or not self.person.check_password(current):
            raise forms.ValidationError(_t("This is not your present password."))
        return current


class LanguageForm(forms.Form):
    language = forms.ChoiceField(choices=settings.LANGUAGES)


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(
        choices=[("", ""), ("light", ""), ("dark", "")],
        required=False,
    )


class KeyForm(forms.Form):
    """A new API key. ``days`` empty: it ends when it is revoked."""

    name = forms.CharField(
        label=_("What it is for"), max_length=100, help_text=_("For example: the ERP's help desk.")
    )
    scope = forms.ChoiceField(
        label=_("What it may do"),
        choices=KeyScope.choices,
        initial=KeyScope.ASK,
        help_text=_("Never more than you may do yourself."),
    )
    days = forms.TypedChoiceField(
        label=_("Expires"),
        choices=[
            ("30", _("in 30 days")),
            ("90", _("in 90 days")),
            ("365", _("in a year")),
            ("", _("never")),
        ],
        coerce=int,
        empty_value=None,
        required=False,
        initial="90",
    )

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=days) if days else None


# --- administration -------------------------------------------------------------------------------
class PersonForm(forms.Form):
    """Somebody to be added."""

    email = forms.EmailField(label=_("E-mail"), max_length=254)
    name = forms.CharField(label=_("Name"), max_length=150, required=False)


class GroupForm(forms.Form):
    name = forms.CharField(label=_("Name of the group"), max_length=150)


class GroupFactorForm(forms.Form):
    needs_second_factor = forms.BooleanField(
        label=_("Members need a second factor"),
        required=False,
        help_text=_("Whoever has none sets one up before anything else, at once."),
    )


class WhoForm(forms.Form):
    """A person by e-mail address or login name."""

    who = forms.CharField(label=_("E-mail or login name"), max_length=254)


class NestForm(forms.Form):
    group = forms.CharField(
        label=_("Group"),
        max_length=150,
        widget=forms.TextInput(attrs={"list": "groups", "autocomplete": "off"}),
    )
