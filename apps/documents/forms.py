"""Shapes of what pages post about documents. They check; services write."""

from django import forms
from django.utils.translation import gettext_lazy as _

EXISTING = [("ask", "ask"), ("version", "version"), ("rename", "rename")]


class UploadForm(forms.Form):
    """One file. ``name`` may carry the folders it lay in, which stay in the document's name."""

    file = forms.FileField(allow_empty_file=True, max_length=None)
    name = forms.CharField(required=False, max_length=2000)
    on_existing = forms.ChoiceField(choices=EXISTING, required=False)


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
        help_text=_("A public page or file. It is fetched once, now."),
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
