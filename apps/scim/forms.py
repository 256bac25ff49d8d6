"""Shapes of provisioning in pages."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.scim.models import Provisioning

if TYPE_CHECKING:
    _ProvisioningForm = forms.ModelForm[Provisioning]
else:  # Django's own class takes no type
    _ProvisioningForm = forms.ModelForm


class NewForm(forms.Form):
    name = forms.RegexField(
        r"^[a-z0-9][a-z0-9-]*\Z",
        label=_("Short name"),
        max_length=60,
        initial="entra",
        help_text=_(
            "Part of the origin scim:… of its groups: lower-case letters, digits, hyphens."
        ),
    )


class ProvisioningForm(_ProvisioningForm):
    successor = forms.CharField(
        label=_("Successor"),
        required=False,
        max_length=254,
        help_text=_("Gets the documents of leavers where they may read them. E-mail address."),
    )

    class Meta:
        model = Provisioning
        fields = ("is_on",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        heir = self.instance.successor
        self.initial["successor"] = heir.email if heir else ""

    def clean_successor(self) -> User | None:
        email = str(self.cleaned_data["successor"]).strip()
        found = User.objects.filter(email__iexact=email, is_active=True, is_application=False)
        if email and not found.exists():
            raise forms.ValidationError(_("There is no person with this address."))
        return found.first() if email else None


class ConnectForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address of the local account"))
