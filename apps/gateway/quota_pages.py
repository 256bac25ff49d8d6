"""Budgets, in the administration: who may use how much of the models."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts.models import Group, User
from apps.applications.models import Application
from apps.core.errors import AppError
from apps.core.pages import blame
from apps.gateway import limits
from apps.gateway.models import Quota
from apps.permissions.pages import for_administrators

_LARGEST = Decimal(10) ** 11


class QuotaForm(forms.Form):
    """A budget: of whom, of what, in which time."""

    of = forms.ChoiceField(label=lazy("For"), choices=Quota.Of)
    subject = forms.CharField(
        label=lazy("Whose"),
        max_length=200,
        required=False,
        help_text=lazy(
            "E-mail of the person, name of the group or application, of the workspace "
            "what stands in its address. Empty for each person."
        ),
    )
    what = forms.ChoiceField(label=lazy("Counted"), choices=Quota.What)
    span = forms.ChoiceField(label=lazy("In"), choices=Quota.Span)
    hard = forms.DecimalField(label=lazy("At most"), min_value=0, max_value=_LARGEST)
    soft = forms.DecimalField(
        label=lazy("Note in the log at"), min_value=0, max_value=_LARGEST, required=False
    )

    def clean(self) -> dict[str, Any]:
        """``subject_id``: whom the typed name means."""
        values = super().clean() or {}
        values["soft"] = values.get("soft") or Decimal(0)
        name = values.pop("subject", "").strip()
        values["subject_id"] = None
        of = values.get("of")
        if of and of != Quota.Of.EVERYBODY:
            values["subject_id"] = _subject(of, name)
            if values["subject_id"] is None:
                self.add_error("subject", _("Nothing of this name is there."))
        elif name:
            self.add_error("subject", _("Leave this empty: the budget is of each person."))
        return values


def _subject(of: str, name: str) -> UUID | None:
    match Quota.Of(of):
        case Quota.Of.PERSON:
            found: Any = User.objects.filter(email__iexact=name)
        case Quota.Of.GROUP:
            found = Group.objects.filter(name__iexact=name)
        case Quota.Of.APPLICATION:
            found = Application.objects.filter(name__iexact=name)
        case _:
            return limits.workspace_id_of(name)
    pk: UUID | None = found.values_list("pk", flat=True).first()
    return pk


@for_administrators
@never_cache
def quotas(request: HttpRequest) -> HttpResponse:
    """Every budget with what is used of it now; a posted form adds one."""
    form = QuotaForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            limits.add_quota(**form.cleaned_data)
        except AppError as error:
            blame(form, error, {})
        else:
            messages.success(request, _("Added. It counts from the next question on."))
            return redirect("gateway:quotas")
    rows = limits.standing()
    context = {"form": form, "rows": rows, "here": "models"}
    status = 422 if form.is_bound else 200
    return render(request, "gateway/quotas.html", context, status=status)


@for_administrators
@require_POST
def delete_quota(_request: HttpRequest, quota: UUID) -> HttpResponse:
    limits.delete_quota(quota=get_object_or_404(Quota, pk=quota))
    return redirect("gateway:quotas")
