"""The search test: what is found for a question, and how each side of the index ranked it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from apps.core.errors import AppError
from apps.core.pages import show
from apps.rag.ports import Passage, Side
from apps.rag.retrieve import Mode
from apps.search.forms import TestForm
from apps.search.highlight import highlights
from apps.search.services import Found, search
from apps.workspaces.models import Collection, Workspace

LIMIT = 12


@require_safe
def test(request: HttpRequest, slug: str) -> HttpResponse:
    workspace = get_object_or_404(Workspace, slug=slug)
    form = TestForm(request.GET or None, workspace=workspace)
    context: dict[str, Any] = {"workspace": workspace, "form": form, "here": "search"}
    if not form.is_valid():
        return render(request, "search/test.html", context)
    try:
        context |= _shown(_searched(form, workspace))
    except AppError as error:
        context["problem"] = error.sentence
    return show(request, "search/test.html", "search/_hits.html", context)


def _searched(form: TestForm, workspace: Workspace) -> Found:
    chosen = form.cleaned_data["collections"] or Collection.objects.filter(workspace=workspace)
    return search(
        question=form.cleaned_data["q"],
        collections=[place.pk for place in chosen],
        limit=LIMIT,
        mode=Mode(form.cleaned_data["mode"] or Mode.HYBRID),
        as_of=form.cleaned_data["as_of"],
        log=False,
    )


def _shown(found: Found) -> dict[str, Any]:
    return {
        "found": found,
        "took_ms": round(found.took_ms),
        "hits": [_hit(at, passage, found) for at, passage in enumerate(found.passages, start=1)],
    }


def _hit(rank: int, passage: Passage, found: Found) -> dict[str, Any]:
    ranks = found.trace.hits[passage.chunk_id].ranks
    return {
        "rank": rank,
        "passage": passage,
        "pieces": _pieces(passage, found.query),
        "dense": ranks.get(Side.DENSE),
        "keyword": ranks.get(Side.KEYWORD),
    }


def _pieces(passage: Passage, query: str) -> list[tuple[str, bool]]:
    """The text in stretches that the question names, or does not."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for start, end in highlights(passage, query):
        pieces += [(passage.text[at:start], False), (passage.text[start:end], True)]
        at = end
    return [*pieces, (passage.text[at:], False)]
