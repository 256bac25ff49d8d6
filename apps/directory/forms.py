"""Forms of directories, of what groups outside give, and of accounts that are connected."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts import queries
from apps.accounts.models import Group
from apps.core.errors import AppError
from apps.directory import config
from apps.directory.config import lines
from apps.directory.ldap import connecting
from apps.directory.ldap.settings import PRESETS, Preset
from apps.directory.models import Directory
from apps.workspaces.forms import RoleForm
from apps.workspaces.models import CustomRole, Workspace

ADMINISTRATOR = "administrator"


if TYPE_CHECKING:
    _DirectoryForm = forms.ModelForm[Directory]
else:  # Django's own class takes no type
    _DirectoryForm = forms.ModelForm


class DirectoryForm(_DirectoryForm):
    """How a directory is reached and read. The stored password is never shown."""

    name = forms.SlugField(
        label=_("Short name"), max_length=60, help_text=_("Never changes: main, for instance.")
    )
    password = forms.CharField(
        label=_("Password of the service account"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Empty keeps the stored one. Stored encrypted."),
    )
    successor_name = forms.CharField(
        label=_("Successor for documents of people who leave"),
        required=False,
        help_text=_(
            "E-mail address or login name. Where they may not read, a manager of the workspace."
        ),
    )

    class Meta:
        model = Directory
        fields = (
            "name",
            "preset",
            "addresses",
            "is_start_tls",
            "ca",
            "bind_dn",
            "password",
            "user_bases",
            "user_filter",
            "group_bases",
            "group_filter",
            "key_attribute",
            "login_attribute",
            "name_attribute",
            "mail_attribute",
            "timeout_s",
            "prepares",
            "every_minutes",
            "successor_name",
            "is_on",
        )
        help_texts = {
            "addresses": _("One a line, tried in this order: ldaps://dc1.example.com"),
            "ca": _("PEM. Empty: those that this machine trusts."),
            "user_bases": _("DNs, one a line."),
            "group_bases": _("DNs, one a line."),
            "every_minutes": _("0: only when somebody starts it. Who left is noticed each minute."),
        }
        widgets = {
            name: forms.Textarea(attrs={"rows": rows, "spellcheck": "false"})
            for name, rows in (("addresses", 2), ("user_bases", 2), ("group_bases", 2), ("ca", 4))
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:  # noqa: SLF001 - Django's own name
            del self.fields["name"]
            if self.instance.successor:
                self.initial["successor_name"] = self.instance.successor.email

    def clean_addresses(self) -> str:
        value = str(self.cleaned_data["addresses"])
        for address in lines(value):
            try:
                connecting.parts_of(address)
            except AppError as error:
                raise forms.ValidationError(
                    _("“%(one)s” is no address: it begins with ldap:// or ldaps://."),
                    params={"one": address},
                ) from error
        return value

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if who := found.get("successor_name"):
            found["successor"] = queries.person(who)
            if found["successor"] is None:
                self.add_error("successor_name", _("Nobody here has this address or login name."))
        else:
            found["successor"] = None
        if found.get("bind_dn") and not (found.get("password") or self._has_password()):
            self.add_error("password", _("A service account needs its password."))
        return found

    def _has_password(self) -> bool:
        """Stored, or given by the environment."""
        if self.instance._state.adding:  # noqa: SLF001 - Django's own name
            return False
        return bool(self.instance.secret) or "bind_password" in config.overrides(self.instance)

    def values(self) -> dict[str, Any]:
        """What services are given, without the password."""
        left = {"name", "password", "successor_name"}
        return {
            # Browsers end lines their own way.
            name: value.replace("\r\n", "\n") if isinstance(value, str) else value
            for name, value in self.cleaned_data.items()
            if name not in left
        }

    def _post_clean(self) -> None:
        """The row is changed by a service, not by its form."""


def of_program(values: Mapping[str, Any], row: Directory | None) -> DirectoryForm:
    """The form as a program fills it in: what it leaves out is the preset's, or stays."""
    said = dict(values)
    if "addresses" in said:
        said["addresses"] = "\n".join(said["addresses"])
    if "successor" in said:
        said["successor_name"] = said.pop("successor")
    if row is None:
        usual = {**PRESETS[Preset(said["preset"])], "timeout_s": 5, "every_minutes": 60}
        return DirectoryForm({**usual, **said})
    names = [name for name in DirectoryForm.base_fields if hasattr(row, name)]
    stored = {name: getattr(row, name) for name in names}
    heir = row.successor.email if row.successor else ""
    return DirectoryForm({**stored, "successor_name": heir, **said}, instance=row)


class RuleForm(RoleForm):
    """What a group outside gives: a group, a role in a workspace, or the administration."""

    outside = forms.CharField(
        label=_("Group outside"),
        max_length=500,
        help_text=_("DN of a group or of an organisational unit, a name, or * for everybody."),
    )
    gives = forms.ChoiceField(label=_("Gives"))
    field_order = ("outside", "gives", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, own=list(CustomRole.objects.all()), **kwargs)
        self.fields["role"].required = False
        groups = [(f"group:{row.pk}", row.name) for row in Group.objects.order_by("name")]
        rooms = [(f"workspace:{row.pk}", row.name) for row in Workspace.objects.order_by("name")]
        self.fields["gives"].choices = [  # type: ignore[attr-defined]
            (_("Group"), groups),
            (_("Role in the workspace"), rooms),
            (ADMINISTRATOR, _("Administrator of the installation")),
        ]

    def values(self) -> dict[str, Any]:
        kind, _sign, pk = str(self.cleaned_data["gives"]).partition(":")
        found: dict[str, Any] = {"outside": self.cleaned_data["outside"]}
        if kind == "group":
            return found | {"group": Group.objects.get(pk=pk)}
        if kind == "workspace":
            workspace = Workspace.objects.get(pk=pk)
            return found | {"workspace": workspace, "role": self.cleaned_data["role"]}
        return found | {"is_administrator": True}
