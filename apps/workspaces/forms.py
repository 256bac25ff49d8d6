"""Shapes of workspaces, members, collections and grants in pages."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any, TypedDict

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from apps.accounts import queries
from apps.accounts.models import Group, User
from apps.permissions.roles import Role
from apps.workspaces.models import AnswerMode, CustomRole, Workspace
from apps.workspaces.roles.granting import AnyRole

ROLES = [
    (Role.VIEWER, _("can ask")),
    (Role.CONTRIBUTOR, _("can ask and add documents")),
    (Role.MANAGER, _("can manage")),
]
GRANTED_ROLES = ROLES[:2]
_MODES = [
    (AnswerMode.DOCUMENTS_ONLY, _("Documents only: says so when the documents do not answer")),
    (AnswerMode.CHAT, _("Chat: may also answer from general knowledge")),
]
_LANGUAGES = [("", _("the language of the question")), ("en", _("English")), ("zh", _("Chinese"))]


class NewWorkspaceForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        help_text=_("For example the name of the department."),
        widget=forms.TextInput(attrs={"autofocus": True}),
    )
    mode = forms.ChoiceField(
        label=_("Answers"),
        choices=_MODES,
        initial=AnswerMode.DOCUMENTS_ONLY,
        widget=forms.RadioSelect,
    )


class SettingsForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    mode = forms.ChoiceField(label=_("Answers"), choices=_MODES, widget=forms.RadioSelect)
    language = forms.ChoiceField(label=_("Language of answers"), choices=_LANGUAGES, required=False)
    prompt = forms.CharField(
        label=_("Instructions for every answer"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("For example: name the clause; answer in two sentences."),
    )
    model = forms.CharField(
        label=_("Model"),
        max_length=200,
        required=False,
        help_text=_("A name that the model server knows. Empty: the model of the installation."),
    )


class DeleteForm(forms.Form):
    """Typed, so that nobody deletes a room of documents with one click."""

    typed = forms.CharField(
        label=_("Type the name to confirm"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name

    def clean_typed(self) -> str:
        typed = str(self.cleaned_data["typed"])
        if typed != self.name:
            raise forms.ValidationError(_t("This is not the name."))
        return typed


class Holder(TypedDict):
    """A person or a group, as services take them."""

    user: User | None
    group: Group | None


class HolderForm(forms.Form):
    """A person or a group, by name. ``found`` is set once the form is valid."""

    who = forms.CharField(
        label=_("E-mail, login name or group"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"list": "groups", "autocomplete": "off", "autocapitalize": "none"}
        ),
    )
    found: User | Group | None = None

    def look_up(self) -> User | Group | None:
        """Who is meant, if anybody here is."""
        wanted = str(self.cleaned_data["who"])
        person = queries.person(wanted)
        return person or Group.objects.filter(name__iexact=wanted.strip()).first()

    def holder(self) -> Holder:
        """As the services take it: ``user`` or ``group``."""
        if isinstance(self.found, User):
            return {"user": self.found, "group": None}
        return {"user": None, "group": self.found}


class RoleForm(forms.Form):
    """One of the three roles or one of the installation's own, of which only those are offered
    that whoever asks may give."""

    role = forms.ChoiceField(label=_("Role"), choices=ROLES, initial=Role.VIEWER)

    def __init__(self, *args: Any, own: Sequence[CustomRole] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own = {str(role.pk): role for role in own}
        field: Any = self.fields["role"]
        field.choices = role_choices(own)

    def clean_role(self) -> AnyRole:
        value = str(self.cleaned_data["role"] or Role.VIEWER)
        return self.own[value] if value in self.own else Role(value)


def role_choices(own: Sequence[CustomRole]) -> list[tuple[str, Any]]:
    return [*ROLES, *((str(role.pk), role.name) for role in own)]


class MemberForm(HolderForm, RoleForm):
    field_order = ("who", "role")


class UntilField(forms.DateField):
    """A day to come; its value is the end of that day, or None."""

    widget = forms.DateInput(attrs={"type": "date"})

    def clean(self, value: Any) -> Any:
        day = super().clean(value)
        if day is None:
            return None
        end = timezone.make_aware(datetime.combine(day, time.max))
        if end <= timezone.now():
            raise forms.ValidationError(_t("This day has passed."))
        return end


class GrantForm(HolderForm):
    role = forms.ChoiceField(label=_("Right"), choices=GRANTED_ROLES, initial=Role.VIEWER)
    until = UntilField(label=_("Until"), required=False)


class CollectionForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    description = forms.CharField(
        label=_("What is in it"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    is_open = forms.BooleanField(
        label=_("Every member of the workspace can read it"),
        required=False,
        initial=True,
        help_text=_("Otherwise only managers, and the people and groups it is granted to."),
    )
    is_listed = forms.BooleanField(
        label=_("Members see its name"),
        required=False,
        initial=True,
        help_text=_("Otherwise it does not exist for those who cannot open it."),
    )


def settings_of(workspace: Workspace) -> dict[str, str]:
    """The values that SettingsForm edits."""
    fields = ("name", "mode", "language", "prompt", "model")
    return {field: str(getattr(workspace, field)) for field in fields}
