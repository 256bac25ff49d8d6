"""Shapes of models, versions and trials in the administration."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Group
from apps.engines.models import Endpoint
from apps.gateway.models import LanguageModel


class ModelForm(forms.Form):
    """What people choose, and who may."""

    name = forms.RegexField(
        r"^(?!footnote(/|$))[A-Za-z0-9][A-Za-z0-9._:/-]*$",
        label=_("Name for programs"),
        max_length=100,
        help_text=_("Letters, digits and . _ : / -; what programs give as model."),
    )
    title = forms.CharField(label=_("Name"), max_length=100)
    description = forms.CharField(label=_("Description"), max_length=500, required=False)
    groups = forms.ModelMultipleChoiceField(
        Group.objects.all(),
        label=_("Only for these groups"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: everybody."),
    )
    fallback = forms.ModelChoiceField(
        LanguageModel.objects.all(), label=_("When it does not answer"), required=False
    )
    is_default = forms.BooleanField(label=_("Answers where nobody chose"), required=False)
    is_plain = forms.BooleanField(
        label=_("Programs may ask it without documents"),
        required=False,
        help_text=_("As plain/NAME in /v1: nothing is searched, cited or kept."),
    )

    def __init__(self, *args: Any, model: LanguageModel | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if model is not None:
            others = LanguageModel.objects.exclude(pk=model.pk)
            self.fields["fallback"].queryset = others  # type: ignore[attr-defined]


class VersionForm(forms.Form):
    """How a model is answered by."""

    servers = forms.ModelMultipleChoiceField(
        Endpoint.objects.filter(kind=Endpoint.Kind.CHAT),
        label=_("Servers"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: those in use for answers. Others have to be put to use too."),
    )
    served_name = forms.CharField(
        label=_("Name on the server"),
        max_length=200,
        required=False,
        help_text=_("Empty: the one that the server is entered with."),
    )
    adapter = forms.CharField(
        label=_("Adapter"),
        max_length=200,
        required=False,
        help_text=_("The name under which the server offers a LoRA adapter."),
    )
    prompt = forms.CharField(
        label=_("Instructions"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    temperature = forms.FloatField(label=_("Temperature"), min_value=0, max_value=2, required=False)
    top_p = forms.FloatField(label=_("Top-p"), min_value=0.01, max_value=1, required=False)
    context_tokens = forms.IntegerField(
        label=_("Context budget in tokens"), min_value=200, max_value=2_000_000, required=False
    )
    max_tokens = forms.IntegerField(
        label=_("Longest answer in tokens"), min_value=16, max_value=100_000, required=False
    )
    read_price = forms.DecimalField(
        label=_("Price of a million tokens read"),
        min_value=0,
        max_digits=12,
        decimal_places=4,
        required=False,
    )
    write_price = forms.DecimalField(
        label=_("Price of a million tokens written"),
        min_value=0,
        max_digits=12,
        decimal_places=4,
        required=False,
    )

    def clean_read_price(self) -> Any:
        return self.cleaned_data["read_price"] or 0

    def clean_write_price(self) -> Any:
        return self.cleaned_data["write_price"] or 0


class TrialForm(forms.Form):
    """For whom a version is tried."""

    share = forms.IntegerField(label=_("Percent of conversations"), min_value=0, max_value=100)
    groups = forms.ModelMultipleChoiceField(
        Group.objects.all(), label=_("And these groups"), required=False
    )
