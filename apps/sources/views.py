"""Pages of the sources of a collection, for its managers."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import AppError, ErrorCode, message_of
from apps.core.pages import show
from apps.sources import services
from apps.sources.connectors import KINDS
from apps.sources.connectors.base import SettingsForm
from apps.sources.forms import ConfirmForm, EndForm, GeneralForm
from apps.sources.models import Source, SourceRun
from apps.sources.queries import WORDS, followed, one_followed, state_of
from apps.sources.trying import tried
from apps.workspaces.models import Collection

RUNS_SHOWN = 20


def _managed(collection: UUID) -> Collection:
    """The collection of this address, for somebody who manages it."""
    rows = Collection.objects.select_related("workspace")
    found = get_object_or_404(rows, pk=collection)
    services.require_manager(found)
    return found


def _source(pk: UUID) -> Source:
    rows = Source.objects.select_related("collection__workspace", "owner")
    found = get_object_or_404(rows, pk=pk)
    services.require_manager(found.collection)
    return found


def _kind(request: HttpRequest) -> str:
    kind = request.GET.get("kind", "")
    if kind not in KINDS:
        raise AppError(ErrorCode.BAD_REQUEST)
    return kind


def _around(collection: Collection) -> dict[str, Any]:
    return {"collection": collection, "workspace": collection.workspace, "here": "documents"}


@never_cache
@require_safe
def listing(request: HttpRequest, collection: UUID) -> HttpResponse:
    place = _managed(collection)
    rows = followed(place)
    context = {
        **_around(place),
        "rows": rows,
        "is_busy": any(row.last is not None and row.last.is_active for row in rows),
    }
    return show(request, "sources/list.html", "sources/_rows.html", context)


# --- making and changing --------------------------------------------------------------------------
@never_cache
@sensitive_post_parameters()
def new(request: HttpRequest, collection: UUID) -> HttpResponse:
    """Which kind; then its form."""
    place = _managed(collection)
    if "kind" not in request.GET:
        return render(request, "sources/kinds.html", {**_around(place), "kinds": KINDS.values()})
    kind = _kind(request)
    bound = request.POST if request.method == "POST" else None
    general, own = GeneralForm(bound), KINDS[kind].form(bound)
    if bound is not None and general.is_valid():
        try:
            made = services.create_source(
                collection=place,
                kind=kind,
                name=general.cleaned_data["name"],
                values=_posted(request, own),
                schedule=general.schedule(),
            )
        except AppError as error:
            _blame(general, own, error)
        else:
            messages.success(request, _("It is followed from now on. The first run has begun."))
            return redirect("sources:source", made.pk)
    return _form(request, {**_around(place), "kind": KINDS[kind], "general": general, "own": own})


@never_cache
@sensitive_post_parameters()
def edit(request: HttpRequest, source: UUID) -> HttpResponse:
    found = _source(source)
    bound = request.POST if request.method == "POST" else None
    connector = KINDS[found.kind]
    general = GeneralForm(bound, source=found)
    own = connector.form(bound, initial=found.settings)
    if bound is not None and general.is_valid():
        try:
            services.update_source(
                source=found,
                name=general.cleaned_data["name"],
                values=_posted(request, own),
                schedule=general.schedule(),
            )
        except AppError as error:
            _blame(general, own, error)
        else:
            messages.success(request, _("Saved. It acts with your rights from now on."))
            return redirect("sources:source", found.pk)
    context = {**_around(found.collection), "kind": connector, "source": found}
    return _form(request, {**context, "general": general, "own": own})


def _form(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    status = 422 if request.method == "POST" else 200
    return render(request, "sources/form.html", context, status=status)


def _posted(request: HttpRequest, own: SettingsForm) -> dict[str, Any]:
    """What was typed for the fields of a kind; a box that is not ticked is not sent."""
    return {name: request.POST[name] for name in own.fields if name in request.POST}


def _blame(general: GeneralForm, own: SettingsForm, error: AppError) -> None:
    """Put a refusal beside the fields that it names."""
    fields = error.details.get("fields")
    if isinstance(fields, dict):
        own.full_clean()
        for name, sentences in fields.items():
            if name not in own.errors:
                own.add_error(name if name in own.fields else None, sentences)
    elif error.code == ErrorCode.CONFLICT:
        general.add_error("name", _("This collection has a source of this name already."))
    else:
        general.add_error(None, message_of(error.code))


@require_POST
@sensitive_post_parameters()
def test(request: HttpRequest, collection: UUID) -> HttpResponse:
    """Try what is typed into the form, with what is stored of a source where nothing is."""
    place = _managed(collection)
    kind = _kind(request)
    own = KINDS[kind].form()
    stored = None
    if request.GET.get("source"):
        stored = get_object_or_404(Source, pk=request.GET["source"], collection=place, kind=kind)
    context: dict[str, Any] = {}
    try:
        values = _posted(request, own)
        context["steps"] = tried(collection=place, kind=kind, values=values, source=stored)
    except AppError as error:
        fields = error.details.get("fields")
        wrong = fields if isinstance(fields, dict) else {"": [message_of(error.code)]}
        context["wrong"] = [
            (own.fields[name].label if name in own.fields else "", " ".join(map(str, sentences)))
            for name, sentences in wrong.items()
        ]
    return render(request, "sources/_steps.html", context)


# --- one source -----------------------------------------------------------------------------------
@never_cache
@require_safe
def source(request: HttpRequest, source: UUID) -> HttpResponse:
    return _page(request, _source(source))


def _page(request: HttpRequest, found: Source, *, status: int = 200) -> HttpResponse:
    runs = list(SourceRun.objects.filter(source=found).order_by("-pk")[:RUNS_SHOWN])
    connector = KINDS[found.kind]
    form = connector.form(initial=found.settings)
    context = {
        **_around(found.collection),
        "row": one_followed(found),
        "source": found,
        "runs": [_worded(run) for run in runs],
        "facts": [
            (field.label, _told(found.settings[field.name]))
            for field in form
            if field.name not in connector.secrets and found.settings.get(field.name)
        ],
        "end_form": EndForm(),
    }
    return show(request, "sources/source.html", "sources/_source.html", context, status=status)


def _told(value: object) -> str:
    match value:
        case bool():
            return _("yes")
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _worded(run: SourceRun) -> dict[str, Any]:
    colour, words = WORDS[state_of(run)]
    return {"run": run, "colour": colour, "words": words}


@never_cache
@require_safe
def run(request: HttpRequest, source: UUID, run: UUID) -> HttpResponse:
    found = _source(source)
    done = get_object_or_404(SourceRun, pk=run, source=found)
    context = {**_around(found.collection), "source": found, **_worded(done)}
    return render(request, "sources/run.html", context)


@require_POST
def start(request: HttpRequest, source: UUID) -> HttpResponse:
    found = _source(source)
    services.run_now(source=found, is_full=request.POST.get("full") == "1")
    return redirect("sources:source", found.pk)


@require_POST
def switch(_request: HttpRequest, source: UUID) -> HttpResponse:
    found = _source(source)
    services.switch(source=found, is_on=not found.is_on)
    return redirect("sources:source", found.pk)


@require_POST
def confirm(request: HttpRequest, source: UUID) -> HttpResponse:
    """Yes to what the last run asks, for as many as the page said."""
    found = _source(source)
    form = ConfirmForm(request.POST)
    last = found.runs.order_by("-pk").first()
    if last is None or not form.is_valid():
        raise AppError(ErrorCode.BAD_REQUEST)
    try:
        services.confirm_removals(run=last, remove=form.cleaned_data["remove"])
    except AppError:
        messages.error(request, _("This has changed meanwhile. Look again before you confirm."))
    return redirect("sources:source", found.pk)


@require_POST
def delete(request: HttpRequest, source: UUID) -> HttpResponse:
    found = _source(source)
    form = EndForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422)
    keeps = form.cleaned_data["documents"] == "keep"
    services.delete_source(source=found, keep_documents=keeps)
    messages.success(
        request,
        _("It is not followed any more. Its documents stay.")
        if keeps
        else _("It is not followed any more. Its documents are being deleted."),
    )
    return redirect("sources:list", found.collection_id)
