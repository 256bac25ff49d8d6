"""Pages of asking: home, a conversation, finding things again."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.chat import services
from apps.chat.finding import found
from apps.chat.forms import RatingForm, TitleForm
from apps.chat.home import home_context
from apps.chat.models import Conversation, Turn
from apps.chat.page_data import chat_data, may_choose_mode
from apps.chat.queries import title_for_reader
from apps.chat.strings import chat_strings
from apps.core.errors import AppError, ErrorCode
from apps.documents.strings import reader_strings
from apps.gateway import offers
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.models import AnswerMode, Workspace


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "home/home.html", {**home_context(), "here": "home"})


# --- asking ---------------------------------------------------------------------------------------
@never_cache
@require_safe
def new_anywhere(request: HttpRequest) -> HttpResponse:
    return _chat(request, None, None)


@never_cache
@require_safe
def new(request: HttpRequest, slug: str) -> HttpResponse:
    return _chat(request, get_object_or_404(Workspace, slug=slug), None)


@never_cache
@require_safe
def conversation(request: HttpRequest, conversation: UUID) -> HttpResponse:
    one = get_object_or_404(Conversation, pk=conversation)
    return _chat(request, _room(one), one)


def _room(one: Conversation) -> Workspace | None:
    """The workspace that a conversation was begun in, while this person may use it."""
    return Workspace.objects.filter(pk=one.workspace_id).first() if one.workspace_id else None


def _chat(request: HttpRequest, room: Workspace | None, one: Conversation | None) -> HttpResponse:
    mode = room.mode if room else AnswerMode.DOCUMENTS_ONLY
    context: dict[str, Any] = {
        "workspace": room,
        "conversation": one,
        "title": title_for_reader(one) if one else _("New question"),
        "here": "" if one else "ask",
        "chat": chat_data(room, one),
        "mode": AnswerMode(mode),
        "modes": AnswerMode,
        "may_choose_mode": may_choose_mode(room),
        "may_ask": room is None or current_scope().allows(Permission.ASK, room.pk),
        **_models(one),
        "chat_strings": chat_strings,
        "reader_strings": reader_strings,
    }
    return render(request, "chat/conversation.html", context)


def _models(one: Conversation | None) -> dict[str, Any]:
    """The language models among which this person may choose, where there is a choice."""
    mine = list(offers.my_models())
    chosen = next((model for model in mine if one and model.name == one.model), None)
    return {"models": mine if len(mine) > 1 else [], "chosen_model": chosen}


@require_POST
def rename(request: HttpRequest, conversation: UUID) -> HttpResponse:
    one = get_object_or_404(Conversation, pk=conversation)
    form = TitleForm(request.POST)
    if not form.is_valid():
        raise AppError(ErrorCode.BAD_REQUEST, fields=["title"])
    services.rename_conversation(conversation=one, title=form.cleaned_data["title"])
    return redirect("chat:conversation", one.pk)


@require_POST
def delete(_request: HttpRequest, conversation: UUID) -> HttpResponse:
    one = get_object_or_404(Conversation, pk=conversation)
    room = _room(one)
    services.delete_conversation(conversation=one)
    return redirect(reverse("chat:new", args=[room.slug]) if room else reverse("chat:new-any"))


@require_POST
def rate(request: HttpRequest, turn: UUID) -> HttpResponse:
    one = get_object_or_404(Turn, pk=turn)
    form = RatingForm(request.POST)
    if not form.is_valid():
        raise AppError(ErrorCode.BAD_REQUEST, fields=sorted(form.errors))
    services.rate(turn=one, **form.cleaned_data)
    return JsonResponse({"rating": one.rating})


# --- finding --------------------------------------------------------------------------------------
@never_cache
@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """The list of ⌘K: a partial for <kb-find>."""
    words = request.GET.get("q", "").strip()[:200]
    return render(request, "chat/_found.html", {"words": words, **found(words)})
