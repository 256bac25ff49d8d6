"""Shapes of what pages post about documents. They check; services write."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from apps.documents.models import Document
from apps.documents.passages.recipes import MOST_PARENT, SIZES
from apps.workspaces.models import Collection


class TextForm(forms.Form):
    name = forms.CharField(label=_("Title"), max_length=200, required=False)
    text = forms.CharField(
        label=_("Text"),
        widget=forms.Textarea(attrs={"rows": 10}),
        max_length=1_000_000,
        strip=False,
    )


class UrlForm(forms.Form):
    url = forms.CharField(
        label=_("Address"),
        max_length=2000,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
        help_text=_("A public page, file or archive. It is fetched once, now."),
    )
    name = forms.CharField(label=_("Name"), max_length=200, required=False)


class RenameForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=255)


class ValidityForm(forms.Form):
    """When a document counts, and who looks after it."""

    valid_from = forms.DateField(
        label=_("Valid from"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    valid_until = forms.DateField(
        label=_("Valid until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("This day included. Afterwards search does not answer from it any more."),
    )
    review_on = forms.DateField(
        label=_("To be reviewed on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    owner = forms.CharField(
        label=_("Owner"),
        required=False,
        max_length=254,
        help_text=_("E-mail address or login name of somebody who can open it."),
    )


class FilterForm(forms.Form):
    """What the list of documents is narrowed to. An unknown value narrows nothing."""

    q = forms.CharField(required=False, max_length=200)
    state = forms.ChoiceField(
        choices=[
            ("", _("All states")),
            ("ready", _("Searchable")),
            ("waiting", _("On their way")),
            ("failed", _("Need you")),
            ("attention", _("End or review soon")),
            ("expired", _("Expired")),
        ],
        required=False,
    )
    page = forms.IntegerField(required=False, min_value=1, max_value=100_000)


class PassageFilterForm(forms.Form):
    """Which passages the tab shows."""

    q = forms.CharField(required=False, max_length=200)
    show = forms.ChoiceField(
        required=False, choices=[("", _("all passages")), ("changed", _("changed by people"))]
    )
    page = forms.IntegerField(required=False, min_value=1)


class StepForm(forms.Form):
    """A change of a passage: which state one saw, and where to."""

    number = forms.IntegerField(min_value=0)
    to = forms.IntegerField(min_value=0, required=False)
    chunk = forms.UUIDField(required=False)


class TextOfPassageForm(forms.Form):
    text = forms.CharField(required=False, strip=False, max_length=100_000)
    number = forms.IntegerField(min_value=0)


class AddPassageForm(forms.Form):
    """``after``: the passage that it stands behind; empty: the beginning."""

    after = forms.UUIDField(required=False, widget=forms.HiddenInput)
    text = forms.CharField(
        label=_("Text"),
        required=False,
        strip=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class CuttingForm(forms.Form):
    """How the documents of a collection are cut, and the document to try it on."""

    size = forms.IntegerField(
        label=_("Size of a passage"),
        min_value=SIZES[0],
        max_value=SIZES[1],
        help_text=_("Tokens, at most. Smaller ones are found more exactly, larger ones say more."),
    )
    overlap = forms.IntegerField(
        label=_("Overlap"),
        min_value=0,
        max_value=SIZES[1] // 2,
        help_text=_("Tokens that a passage repeats of the one before; at most half the size."),
    )
    headings = forms.BooleanField(
        label=_("Cut at headings"),
        required=False,
        help_text=_("Each passage then knows the headings above it, and is found by them as well."),
    )
    parent = forms.IntegerField(
        label=_("Given to the model around a passage"),
        min_value=0,
        max_value=MOST_PARENT,
        help_text=_(
            "Tokens of the parent passage: what stands beside the found one under the same headings. 0: the passage alone. It embeds nothing again."
        ),
    )
    document = forms.ModelChoiceField(
        label=_("Try it on"), queryset=Document.objects.none(), required=False
    )

    def __init__(self, *args: Any, collection: Collection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = Document.objects.filter(collection=collection, current__isnull=False)
        field = self.fields["document"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for the type
        field.queryset = found.order_by("name")
        field.empty_label = _t("no document")
        field.initial = found.order_by("-current__chunk_count").first()

    def clean(self) -> dict[str, Any]:
        chosen: dict[str, Any] = super().clean() or {}
        size, overlap, parent = (chosen.get(name) for name in ("size", "overlap", "parent"))
        if size and overlap is not None and overlap > size // 2:
            self.add_error("overlap", _t("At most half the size."))
        if size and parent and parent <= size:
            self.add_error("parent", _t("More than the size of a passage, or 0."))
        return chosen
