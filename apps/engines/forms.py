"""Shapes of model servers in the administration."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.engines.models import Endpoint

_LIMITS = ("concurrency", "queue_length", "first_token_s", "between_tokens_s")


class EndpointForm(forms.Form):
    """A model server. The key is write-only: what is stored is never sent to a browser."""

    kind = forms.ChoiceField(label=_("For"), choices=Endpoint.Kind.choices)
    name = forms.CharField(label=_("Name"), max_length=100)
    # Not a URLField: a machine of the own network may be called http://vllm:8000.
    base_url = forms.CharField(
        label=_("Server address"),
        max_length=500,
        widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "http://vllm:8000/v1"}),
        help_text=_("Of a server that speaks OpenAI's dialect, such as vLLM."),
    )
    api_key = forms.CharField(
        label=_("Server key"),
        max_length=1000,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    model = forms.CharField(label=_("Model"), max_length=200)
    context_tokens = forms.IntegerField(
        label=_("Context budget in tokens"),
        min_value=200,
        max_value=2_000_000,
        initial=6000,
        help_text=_("How much of sources and history a question may bring along."),
    )
    max_tokens = forms.IntegerField(
        label=_("Longest answer in tokens"), min_value=16, max_value=100_000, initial=1000
    )
    concurrency = forms.IntegerField(
        label=_("Questions at once"),
        min_value=0,
        max_value=10_000,
        initial=0,
        required=False,
        help_text=_("More wait, departments in turn. 0: as many as come. For language models."),
    )
    queue_length = forms.IntegerField(
        label=_("Questions that may wait"),
        min_value=0,
        max_value=10_000,
        initial=100,
        required=False,
    )
    first_token_s = forms.IntegerField(
        label=_("Seconds to the first word"),
        min_value=1,
        max_value=600,
        initial=60,
        required=False,
        help_text=_("After that the question goes to another server, where there is one."),
    )
    between_tokens_s = forms.IntegerField(
        label=_("Seconds between two words"),
        min_value=1,
        max_value=600,
        initial=30,
        required=False,
    )

    def __init__(self, *args: Any, endpoint: Endpoint | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.endpoint = endpoint
        if endpoint is not None:
            del self.fields["kind"]
        if endpoint is not None and endpoint.sealed_key:
            self.fields["api_key"].help_text = _("A key is stored. Leave this empty to keep it.")
            self.fields["forget_key"] = forms.BooleanField(
                label=_("Forget the stored key"), required=False
            )

    def clean(self) -> dict[str, Any]:
        """A stored key goes to the address it was given for and to no other. What was left empty
        of the limits stays as it is."""
        values = super().clean() or {}
        for name in _LIMITS:
            if values.get(name, "") is None:
                values[name] = self.get_initial_for_field(self.fields[name], name)
        is_new_key = values.get("api_key") or values.get("forget_key")
        row = self.endpoint
        if row is None or not row.sealed_key or is_new_key:
            return values
        if values.get("base_url") not in {None, row.base_url}:
            self.add_error("api_key", _("The address is another one: type its key, or forget it."))
        return values

    def key(self) -> str | None:
        """As the service takes it: None keeps the stored key."""
        if self.cleaned_data.get("forget_key"):
            return ""
        return self.cleaned_data["api_key"] or None


def values_of(endpoint: Endpoint) -> dict[str, object]:
    """The values that EndpointForm edits; never the key."""
    fields = ("name", "base_url", "model", "context_tokens", "max_tokens", *_LIMITS)
    return {field: getattr(endpoint, field) for field in fields}
