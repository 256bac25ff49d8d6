"""Shapes of what pages post. They check; services write."""

from django import forms

EXISTING = [("ask", "ask"), ("version", "version"), ("rename", "rename")]


class UploadForm(forms.Form):
    """One file. ``name`` may carry the folders it lay in, which stay in the document's name."""

    file = forms.FileField(allow_empty_file=True, max_length=None)
    name = forms.CharField(required=False, max_length=2000)
    on_existing = forms.ChoiceField(choices=EXISTING, required=False)
