"""The administration's page of the embedding model: what is embedded with, and embedding everything
again with another one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import AppError, ErrorCode, message_of
from apps.core.pages import show
from apps.documents.embedding import services as reembedding
from apps.engines import factory
from apps.engines.adapters.index_values import IndexStats
from apps.engines.models import EmbeddingProfile, Endpoint
from apps.engines.profiles import current_profile, filling_profile, is_outdated, own_values
from apps.permissions.pages import for_administrators
from apps.rag.ports import EngineError


@for_administrators
@never_cache
@require_safe
def embedding(request: HttpRequest) -> HttpResponse:
    """What is in use, what is being filled and how far it is, what is kept."""
    return _page(request)


@for_administrators
@require_POST
def ask_cost(request: HttpRequest) -> HttpResponse:
    """Ask the chosen model, and say what embedding everything with it takes."""
    try:
        endpoint = _chosen(request)
        return _page(request, chosen=endpoint, cost=reembedding.cost(endpoint=endpoint))
    except (AppError, EngineError) as error:
        return _refused(request, error)


@for_administrators
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    try:
        reembedding.begin(endpoint=_chosen(request))
    except (AppError, EngineError) as error:
        return _refused(request, error)
    messages.success(request, _("Begun. Search keeps using the old vectors meanwhile."))
    return redirect("documents:embedding")


@for_administrators
@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    """What an administrator says while a table is being filled: cancel, again, anyway."""
    match request.POST.get("decision"):
        case "cancel":
            reembedding.cancel()
        case "again":
            reembedding.try_again()
        case "anyway":
            reembedding.switch_anyway()
        case _:
            raise AppError(ErrorCode.BAD_REQUEST, field="decision")
    return redirect("documents:embedding")


@for_administrators
@require_POST
def return_to(request: HttpRequest, profile: UUID) -> HttpResponse:
    """Back to a table that was kept."""
    row = get_object_or_404(EmbeddingProfile, pk=profile)
    try:
        reembedding.begin_again(profile=row)
    except (AppError, EngineError) as error:
        return _refused(request, error)
    return redirect("documents:embedding")


@for_administrators
@require_POST
def release(request: HttpRequest, profile: UUID) -> HttpResponse:
    """Remove a table that was kept."""
    reembedding.release(profile=get_object_or_404(EmbeddingProfile, pk=profile))
    messages.success(request, _("Released. The table is removed within minutes."))
    return redirect("documents:embedding")


def _chosen(request: HttpRequest) -> Endpoint | None:
    """The server that was chosen; none is the installation's own."""
    wanted = request.POST.get("endpoint", "")
    if not wanted:
        return None
    try:
        key = UUID(wanted)
    except ValueError as error:
        raise AppError(ErrorCode.NOT_FOUND, status=404) from error
    return get_object_or_404(Endpoint, pk=key, kind=Endpoint.Kind.EMBEDDINGS)


def _page(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    live, filling = current_profile(), filling_profile()
    context = {
        "here": "models",
        "live": live,
        "is_outdated": is_outdated(live),
        "stats": _stats(live),
        "filling": filling,
        "progress": reembedding.progress(filling) if filling else None,
        "kept": [(one, _stats(one)) for one in reembedding.kept()],
        "endpoints": Endpoint.objects.filter(kind=Endpoint.Kind.EMBEDDINGS),
        "own": own_values(),
        "is_own_chosen": "cost" in context and context.get("chosen") is None,
        **context,
    }
    page, part = "documents/embedding.html", "documents/_embedding.html"
    return show(request, page, part, context, status=status)


def _stats(profile: EmbeddingProfile) -> IndexStats | None:
    try:
        return factory.index(profile).stats()
    except EngineError:
        return None


def _refused(request: HttpRequest, error: AppError | EngineError) -> HttpResponse:
    words = {
        "same": _("Nothing would change: everything is embedded with this model already."),
        "filling": _("A table is being filled already. Wait for it, or cancel it first."),
    }
    if isinstance(error, AppError):
        sentence = words.get(str(error.details.get("reason", "")), message_of(error.code))
        return _page(request, status=error.status, refused=sentence)
    return _page(request, status=503, refused=message_of(ErrorCode.ENGINE_REJECTED))
