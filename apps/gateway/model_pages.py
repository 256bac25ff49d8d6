"""Models that people choose, in the administration: who may use each, its versions, their trial."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.core.errors import AppError
from apps.core.pages import blame
from apps.gateway import registry, trials
from apps.gateway.forms import ModelForm, TrialForm, VersionForm
from apps.gateway.models import LanguageModel, ModelVersion
from apps.permissions.pages import for_administrators

State = ModelVersion.State


def _words() -> dict[str, str]:
    return {
        "name": _("There is a model of this name already."),
        "fallback": _("This model would lead back to itself."),
        "version": _("There is no earlier version to go back to."),
        "state": _("The version is in another state by now. Load the page again."),
        "share": _("Give a share above 0, or a group."),
    }


@for_administrators
@never_cache
def models(request: HttpRequest) -> HttpResponse:
    """Every model with its live version; a posted form adds one."""
    form = ModelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = registry.save_model(**form.cleaned_data)
        except AppError as error:
            blame(form, error, _words())
        else:
            messages.success(request, _("Added. Now give it a version."))
            return redirect("gateway:model", row.pk)
    rows = LanguageModel.objects.prefetch_related("versions", "groups").select_related("fallback")
    context = {"form": form, "models": rows, "here": "models"}
    status = 422 if form.is_bound else 200
    return render(request, "gateway/models.html", context, status=status)


@for_administrators
@never_cache
def model(request: HttpRequest, language_model: UUID) -> HttpResponse:
    """One model: what it is called, who may use it, its versions; a posted form changes it."""
    row = get_object_or_404(LanguageModel, pk=language_model)
    form = ModelForm(request.POST or None, initial=_values(row), model=row)
    if request.method == "POST" and form.is_valid():
        try:
            registry.save_model(model=row, **form.cleaned_data)
        except AppError as error:
            row.refresh_from_db()
            blame(form, error, _words())
        else:
            messages.success(request, _("Saved."))
            return redirect("gateway:model", row.pk)
    return _model(request, row, status=422 if form.is_bound else 200, form=form)


def _values(row: LanguageModel) -> dict[str, Any]:
    fields = ("name", "title", "description", "fallback", "is_default", "is_plain")
    return {**{name: getattr(row, name) for name in fields}, "groups": row.groups.all()}


def _model(
    request: HttpRequest, row: LanguageModel, *, status: int = 200, **context: Any
) -> HttpResponse:
    versions = list(row.versions.prefetch_related("servers", "canary_groups"))
    live = next((each for each in versions if each.state == State.LIVE), None)
    context = {
        "form": ModelForm(initial=_values(row), model=row),
        "version_form": VersionForm(),
        "trial_form": TrialForm(initial={"share": 10}),
        "tallies": {each.pk: trials.tally(each) for each in versions if each.state != State.DRAFT},
        **context,
        "model": row,
        "versions": versions,
        "live": live,
        "can_go_back": any(
            each.state == State.CANARY or each.reason == "replaced" for each in versions
        ),
        "here": "models",
    }
    return render(request, "gateway/model.html", context, status=status)


@for_administrators
@require_POST
def add_version(request: HttpRequest, language_model: UUID) -> HttpResponse:
    row = get_object_or_404(LanguageModel, pk=language_model)
    form = VersionForm(request.POST)
    if not form.is_valid():
        return _model(request, row, status=422, version_form=form)
    registry.add_version(model=row, **form.cleaned_data)
    messages.success(request, _("A draft was added. Try it, or make it live."))
    return redirect("gateway:model", row.pk)


@for_administrators
@require_POST
def try_version(request: HttpRequest, model_version: UUID) -> HttpResponse:
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=model_version)
    form = TrialForm(request.POST)
    if not form.is_valid():
        return _model(request, version.model, status=422, trial_form=form)
    return _done(
        request, version.model, lambda: registry.try_version(version=version, **form.cleaned_data)
    )


@for_administrators
@require_POST
def make_live(request: HttpRequest, model_version: UUID) -> HttpResponse:
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=model_version)
    return _done(request, version.model, lambda: registry.make_live(version=version))


@for_administrators
@require_POST
def stop_version(request: HttpRequest, model_version: UUID) -> HttpResponse:
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=model_version)
    return _done(request, version.model, lambda: registry.stop_version(version=version))


@for_administrators
@require_POST
def roll_back(request: HttpRequest, language_model: UUID) -> HttpResponse:
    row = get_object_or_404(LanguageModel, pk=language_model)
    return _done(request, row, lambda: registry.roll_back(model=row))


@for_administrators
@require_POST
def delete(_request: HttpRequest, language_model: UUID) -> HttpResponse:
    registry.delete_model(model=get_object_or_404(LanguageModel, pk=language_model))
    return redirect("gateway:models")


def _done(request: HttpRequest, row: LanguageModel, act: Callable[[], object]) -> HttpResponse:
    """Do it and show the model again; a refusal is said above it."""
    try:
        act()
    except AppError as error:
        messages.error(request, _words().get(str(error.details.get("field")), str(error)))
    return redirect("gateway:model", row.pk)
