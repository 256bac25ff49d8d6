"""The passages of a document beside the page they come from: read, edit, disable, add, take back."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import AppError, ErrorCode, message_of
from apps.documents.forms import AddPassageForm, PassageFilterForm, StepForm, TextOfPassageForm
from apps.documents.models import Document
from apps.documents.passages import edits
from apps.documents.passages import services as passages
from apps.documents.passages.models import PassageEdit
from apps.documents.passages.queries import Shown, passage, passages_of, shown
from apps.documents.queries import with_state
from apps.documents.reader.pages import reader_context, version_of
from apps.documents.strings import reader_strings
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection

PER_PAGE = 50


# --- reading --------------------------------------------------------------------------------------
@require_safe
def listing(request: HttpRequest, document: UUID) -> HttpResponse:
    """The tab; for htmx its list alone."""
    found = get_object_or_404(with_state(Document.objects.all()), pk=document)
    context = _list(request, found)
    if request.headers.get("HX-Request"):
        return render(request, "documents/_passages.html", context)
    place = Collection.objects.select_related("workspace").get(pk=found.collection_id)
    context |= reader_context(request, found, context["version"])
    context |= {
        "workspace": place.workspace,
        "collection": place,
        "here": "documents",
        "tab": "passages",
        "reader_strings": reader_strings,
    }
    return render(request, "documents/passages.html", context)


def _list(request: HttpRequest, found: Document) -> dict[str, Any]:
    version = version_of(request, found)
    form = PassageFilterForm(request.GET)
    form.is_valid()  # what is not understood narrows nothing
    chosen = form.cleaned_data
    rows = passages_of(version, words=chosen.get("q", ""), show=chosen.get("show", ""))
    page = Paginator(rows, PER_PAGE).get_page(chosen.get("page") or 1)
    is_current = found.current_id == version.pk
    may_write = is_current and current_scope().may_write(found.collection_id)
    return {
        "document": found,
        "version": version,
        "page": page,
        "passages": shown(page.object_list),
        "filter": form,
        "is_filtered": bool(chosen.get("q") or chosen.get("show")),
        "may_change": may_write,
        "unfit": edits.unfit(found) if may_write else [],
    }


@require_safe
def one(request: HttpRequest, document: UUID, chunk: UUID) -> HttpResponse:
    found = get_object_or_404(Document, pk=document)
    return _one(request, found, _passage(found, chunk))


@require_safe
def history(request: HttpRequest, document: UUID, chunk: UUID) -> HttpResponse:
    """Every step, newest first, with what was there before it."""
    found = _writable(document)
    each = _passage(found, chunk)
    steps = each.chunk.edit.changes.all() if each.chunk.edit else []
    context = {"document": found, "passage": each, "steps": steps}
    return render(request, "documents/_passage_history.html", context)


# --- changing -------------------------------------------------------------------------------------
def edit(request: HttpRequest, document: UUID, chunk: UUID) -> HttpResponse:
    """The form in the place of the passage, then the passage. A conflict shows both texts."""
    found = _writable(document)
    each = _passage(found, chunk)
    if request.method != "POST":
        return _form(request, found, each, text=each.chunk.text)
    form = TextOfPassageForm(request.POST)
    if not form.is_valid():
        return _form(request, found, each, text=str(form.data.get("text", "")), status=422)
    try:
        passages.edit(document=found, chunk_id=chunk, **form.cleaned_data)
    except AppError as error:
        text = form.cleaned_data["text"]
        return _form(request, found, each, text=text, error=error, status=error.status)
    return _one(request, found, _passage(found, chunk))


@require_POST
def state(request: HttpRequest, document: UUID, chunk: UUID) -> HttpResponse:
    """Disable or enable."""
    found = _writable(document)
    step = _step(request)
    is_enabled = request.POST.get("is_enabled") == "1"
    try:
        passages.enable(
            document=found, chunk_id=chunk, is_enabled=is_enabled, number=step["number"]
        )
    except AppError as error:
        return _one(request, found, _passage(found, chunk), error=error)
    return _one(request, found, _passage(found, chunk))


@require_POST
def revert(request: HttpRequest, document: UUID, chunk: UUID) -> HttpResponse:
    """Back to how it was read, or to a step of the history. A removed passage leaves nothing."""
    found = _writable(document)
    step = _step(request)
    try:
        kept = passages.revert(
            document=found, chunk_id=chunk, number=step["number"], to=step["to"] or 0
        )
    except AppError as error:
        return _one(request, found, _passage(found, chunk), error=error)
    return HttpResponse() if kept is None else _one(request, found, _passage(found, chunk))


def add(request: HttpRequest, document: UUID) -> HttpResponse:
    """The form behind a passage, then the list anew: what follows has other numbers."""
    found = _writable(document)
    if request.method != "POST":
        form = AddPassageForm(initial={"after": request.GET.get("after", "")})
        return render(request, "documents/_passage_add.html", {"document": found, "form": form})
    form = AddPassageForm(request.POST)
    status, problem = 422, ""
    if form.is_valid():
        try:
            passages.add(document=found, **form.cleaned_data)
        except AppError as error:
            status, problem = error.status, message_of(error.code)
        else:
            response = render(request, "documents/_passages.html", _list(request, found))
            response["HX-Retarget"], response["HX-Reswap"] = "#passages", "outerHTML"
            return response
    context = {"document": found, "form": form, "problem": problem}
    return render(request, "documents/_passage_add.html", context, status=status)


@require_POST
def settle(request: HttpRequest, document: UUID, edit: UUID) -> HttpResponse:
    """An edit that no longer fits: to the passage that is there now, or given up."""
    found = _writable(document)
    step = _step(request)
    known = get_object_or_404(PassageEdit, pk=edit, document=found)
    passages.settle(document=found, edit_id=known.pk, chunk_id=step["chunk"], number=step["number"])
    return render(request, "documents/_passages.html", _list(request, found))


def _writable(document: UUID) -> Document:
    found = get_object_or_404(Document, pk=document)
    current_scope().require_write(found.collection_id)
    return found


def _step(request: HttpRequest) -> dict[str, Any]:
    form = StepForm(request.POST)
    if not form.is_valid():
        raise AppError(ErrorCode.BAD_REQUEST, fields=sorted(form.errors))
    return form.cleaned_data


def _passage(found: Document, chunk: UUID) -> Shown:
    try:
        return passage(found, chunk)
    except ObjectDoesNotExist as error:
        raise Http404 from error


def _one(
    request: HttpRequest, found: Document, each: Shown, *, error: AppError | None = None
) -> HttpResponse:
    context = {
        "document": found,
        "passage": each,
        "may_change": current_scope().may_write(found.collection_id),
        "problem": message_of(error.code) if error else "",
    }
    status = error.status if error else 200
    return render(request, "documents/_passage.html", context, status=status)


def _form(
    request: HttpRequest,
    found: Document,
    each: Shown,
    *,
    text: str,
    error: AppError | None = None,
    status: int = 200,
) -> HttpResponse:
    """``theirs``: what somebody else wrote meanwhile. Saved again, one's own text stands."""
    is_conflict = error is not None and error.code == ErrorCode.PASSAGE_CHANGED
    context = {
        "document": found,
        "passage": each,
        "text": text,
        "most": passages.most_tokens(found.collection_id),
        "problem": message_of(error.code) if error else "",
        "theirs": error.details if error and is_conflict else None,
    }
    return render(request, "documents/_passage_form.html", context, status=status)
