"""Shape of the search test."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.rag.retrieve import Mode
from apps.workspaces.models import Collection, Workspace

MODES = [
    (Mode.HYBRID, _("Meaning and words")),
    (Mode.DENSE, _("Meaning only")),
    (Mode.KEYWORD, _("Words only")),
]


class TestForm(forms.Form):
    """A question as a person would ask it, and how to look for it."""

    q = forms.CharField(label=_("Question"), max_length=2000)
    mode = forms.ChoiceField(
        label=_("Find by"), choices=[(mode.value, label) for mode, label in MODES], required=False
    )
    as_of = forms.DateField(
        label=_("As of"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    collections = forms.ModelMultipleChoiceField(
        label=_("Collections"),
        queryset=Collection.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["collections"]
        assert isinstance(field, forms.ModelMultipleChoiceField)  # noqa: S101 - for the types
        field.queryset = Collection.objects.filter(workspace=workspace)
