"""Shapes of what pages post about conversations."""

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.chat.models import Turn


class TitleForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=120)


class RatingForm(forms.Form):
    rating = forms.ChoiceField(choices=Turn.Rating, required=False)
    reason = forms.CharField(max_length=1000, required=False)
