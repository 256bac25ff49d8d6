"""Shapes of what administrators type about webhooks."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.applications.models import Application
from apps.webhooks.kinds import choices


class WebhookForm(forms.Form):
    """An address and what it is told of."""

    name = forms.CharField(label=_("Name"), max_length=100)
    url = forms.CharField(
        label=_("Address"),
        max_length=1000,
        widget=forms.URLInput(attrs={"placeholder": "https://erp.example.com/footnote"}),
    )
    application = forms.ModelChoiceField(
        label=_("Sees what this application was granted"),
        queryset=Application.objects.none(),
        required=False,
        empty_label=_("None: what you see yourself"),
    )
    kinds = forms.MultipleChoiceField(
        label=_("It is told of"), choices=choices, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, is_new: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_new:
            self.fields["application"].queryset = Application.objects.all()  # type: ignore[attr-defined]
        else:
            del self.fields["application"]
