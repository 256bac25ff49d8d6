"""Model servers of the installation, and the model check of the first run."""

from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from apps.core import health
from apps.core.errors import AppError
from apps.core.pages import blame, show
from apps.engines import factory, services
from apps.engines.adapters.probe import Probe, ProbeCode
from apps.engines.forms import EndpointForm, values_of
from apps.engines.models import EmbeddingProfile, Endpoint
from apps.permissions.pages import for_administrators
from apps.workspaces.forms import NewWorkspaceForm
from apps.workspaces.models import Workspace
from apps.workspaces.services import create_workspace

_FOUND = {
    ProbeCode.ADDRESS: lazy("This is not an address. It begins with http:// or https://."),
    ProbeCode.UNAVAILABLE: lazy(
        "Nothing answers at this address. Is the server running and reachable?"
    ),
    ProbeCode.TIMEOUT: lazy(
        "The server did not answer in time. It may still be loading its model."
    ),
    ProbeCode.BUSY: lazy("The server is there and busy. Try again in a moment."),
    ProbeCode.KEY_REFUSED: lazy("The server refuses the key."),
    ProbeCode.MODEL_UNKNOWN: lazy("The server does not know this model."),
    ProbeCode.REJECTED: lazy("The server refuses the request."),
    ProbeCode.WRONG_SHAPE: lazy("Something answers, but not as a model server of this kind does."),
}


def _words() -> dict[str, str]:
    """Words for a refusal of a service, by the field it names."""
    return {
        "base_url": _("Give an address that begins with http:// or https://."),
        "beside": _("There is no server in use to put it beside. Use it as the first one."),
        "model": _(
            "The stored passages were embedded with another model. Their vectors cannot be "
            "compared with this one's: choose “Embed with another model” below."
        ),
    }


def words_of(probe: Probe) -> str:
    """What a test found, as a sentence a person can act on."""
    if probe.code is ProbeCode.OK:
        return _("It answers, in %(ms)d ms.") % {"ms": probe.latency_ms}
    return str(_FOUND[probe.code])


# --- administration -------------------------------------------------------------------------------
@for_administrators
@never_cache
@sensitive_post_parameters("api_key")
def models(request: HttpRequest) -> HttpResponse:
    """Which servers there are and which are in use; a posted form adds one."""
    if request.method != "POST":
        return _models(request)
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _models(request, status=422, form=form)
    values = {key: value for key, value in form.cleaned_data.items() if key != "api_key"}
    try:
        services.save_endpoint(api_key=form.key(), **values)
    except AppError as error:
        blame(form, error, _words())
        return _models(request, status=422, form=form)
    messages.success(request, _("Added. Test it, then put it to use."))
    return redirect("engines:models")


def _models(request: HttpRequest, *, status: int = 200, **context: object) -> HttpResponse:
    rows = list(Endpoint.objects.all())
    in_use = {row.kind for row in rows if row.is_active}
    context = {
        "form": EndpointForm(),
        **context,
        "endpoints": rows,
        "chat_in_use": Endpoint.Kind.CHAT in in_use,
        "own_answers": None if Endpoint.Kind.CHAT in in_use else _own_chat(),
        "own_embeddings": None if Endpoint.Kind.EMBEDDINGS in in_use else _own_embeddings(),
        "profile": EmbeddingProfile.objects.filter(is_current=True).first(),
        "here": "models",
    }
    return show(request, "engines/models.html", "engines/_models.html", context, status=status)


def _own_chat() -> dict[str, str]:
    return {"base_url": settings.LLM_BASE_URL, "model": settings.LLM_MODEL}


def _own_embeddings() -> dict[str, str]:
    return {"base_url": settings.EMBEDDINGS_BASE_URL, "model": settings.EMBEDDINGS_MODEL}


@for_administrators
@never_cache
@sensitive_post_parameters("api_key")
def endpoint(request: HttpRequest, endpoint: UUID) -> HttpResponse:
    """Change one server."""
    row = get_object_or_404(Endpoint, pk=endpoint)
    form = EndpointForm(request.POST or None, initial=values_of(row), endpoint=row)
    if request.method == "POST" and form.is_valid():
        values = {field: form.cleaned_data[field] for field in values_of(row)}
        try:
            services.save_endpoint(endpoint=row, api_key=form.key(), **values)
        except AppError as error:
            row.refresh_from_db()
            blame(form, error, _words())
        else:
            messages.success(request, _("Saved."))
            return redirect("engines:models")
    context = {"form": form, "endpoint": row, "here": "models"}
    status = 422 if form.is_bound else 200
    return render(request, "engines/endpoint.html", context, status=status)


@for_administrators
@require_POST
@sensitive_post_parameters("api_key")
def test(request: HttpRequest) -> HttpResponse:
    """Really ask a server: as typed into the form, a stored one named by ``endpoint``, or the
    installation's own named by ``own``."""
    fields = {name: request.POST.get(name, "") for name in ("kind", "base_url", "model", "api_key")}
    row = None
    if own := request.POST.get("own", ""):
        fields = _own(own)
    elif "endpoint" in request.POST:
        row = _stored(request.POST["endpoint"], typed=fields["base_url"])
    try:
        probe = services.test_endpoint(endpoint=row, **fields)
    except (AppError, ValueError):
        probe = Probe(ok=False, code=ProbeCode.ADDRESS, latency_ms=0)
    is_stored = row is not None or bool(own)
    wants_model = not is_stored and not fields["model"]
    context = {"probe": probe, "sentence": words_of(probe), "wants_model": wants_model}
    return render(request, "engines/_probe.html", context)


def _stored(pk: str, *, typed: str) -> Endpoint | None:
    """The stored server of this id. None when another address was typed: its key is not for that."""
    try:
        row = get_object_or_404(Endpoint, pk=UUID(pk))
    except ValueError as error:
        raise Http404 from error
    return row if typed in {"", row.base_url} else None


def _own(kind: str) -> dict[str, str]:
    """What test_endpoint needs to ask one of the installation's own servers."""
    if kind == Endpoint.Kind.CHAT:
        return {"kind": kind, "api_key": settings.LLM_API_KEY, **_own_chat()}
    return {
        "kind": Endpoint.Kind.EMBEDDINGS.value,
        "api_key": settings.EMBEDDINGS_API_KEY,
        **_own_embeddings(),
    }


@for_administrators
@require_POST
def activate(request: HttpRequest, endpoint: UUID) -> HttpResponse:
    """Put a server to use (``on=1``), beside the one in use (``on=beside``), or stop using it."""
    row = get_object_or_404(Endpoint, pk=endpoint)
    try:
        if request.POST.get("on") == "beside":
            services.use_beside(endpoint=row)
        else:
            services.set_active(endpoint=row, is_active=request.POST.get("on") == "1")
    except AppError as error:
        words = _words().get(str(error.details.get("field")), "")
        return _models(request, status=error.status, refused=words, refused_for=row.pk)
    return _models(request)


@for_administrators
@require_POST
def delete(request: HttpRequest, endpoint: UUID) -> HttpResponse:
    row = get_object_or_404(Endpoint, pk=endpoint)
    try:
        services.delete_endpoint(endpoint=row)
    except AppError as error:
        words = _("Passages are embedded with the model of this server.")
        return _models(request, status=error.status, refused=words, refused_for=row.pk)
    return _models(request)


# --- first run ------------------------------------------------------------------------------------
@for_administrators
@never_cache
def welcome(request: HttpRequest) -> HttpResponse:
    """Steps 2 and 3 of the first run: what is up and what leaves the machine, then a workspace."""
    form = NewWorkspaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        workspace = create_workspace(**form.cleaned_data)
        return redirect("documents:workspace", workspace.slug)
    context = {
        "form": form,
        "report": health.check(),
        "chat": factory.chat_settings(),
        "outside": _outside(),
        "has_workspace": Workspace.objects.exists(),
    }
    status = 422 if form.is_bound else 200
    template = "engines/welcome.html"
    return show(request, template, "engines/_check.html", context, status=status)


def _outside() -> list[str]:
    """Hosts other than this machine to which questions or documents are sent."""
    active = Endpoint.objects.filter(is_active=True).values_list("base_url", flat=True)
    asked = [factory.chat_settings().base_url, settings.EMBEDDINGS_BASE_URL, *active]
    hosts = {urlsplit(url).hostname or "" for url in asked}
    return sorted(hosts - {"", "localhost", "127.0.0.1", "::1"})
