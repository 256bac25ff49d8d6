"""The page that answers it, for those who manage the members of a workspace."""

from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.core.errors import AppError
from apps.core.pages import blame
from apps.documents.models import Document
from apps.documents.why.answers import WORDS, Answer, collections_to_ask_about, why
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces.models import Collection, Workspace


class WhyForm(forms.Form):
    who = forms.CharField(
        label=gettext_lazy("Who"),
        max_length=254,
        help_text=gettext_lazy(
            "An e-mail address, a login name, the name of an application, or how a key begins."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    on_behalf_of = forms.CharField(
        label=gettext_lazy("On behalf of"),
        max_length=254,
        required=False,
        help_text=gettext_lazy("Whom an application asks for; empty: for itself."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    collection = forms.ChoiceField(label=gettext_lazy("Collection"))
    document = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: object, collections: list[Collection], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field: forms.ChoiceField = self.fields["collection"]  # type: ignore[assignment]
        field.choices = [(str(place.pk), place.name) for place in collections]


@never_cache
@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Asked by its address, so that an answer can be sent to a colleague who may see it."""
    workspace = get_object_or_404(Workspace, slug=slug)
    current_scope().require(Permission.MEMBER_MANAGE, workspace.pk)
    is_asked = "who" in request.GET
    form = WhyForm(
        request.GET if is_asked else None,
        initial=request.GET.dict(),
        collections=collections_to_ask_about(workspace),
    )
    answer = _answer(workspace, form) if is_asked and form.is_valid() else None
    context = {
        "form": form,
        "answer": answer,
        "document": _document(request.GET.get("document", "")),
        "workspace": workspace,
        "here": "members",
    }
    status = 422 if is_asked and answer is None else 200
    return render(request, "documents/why.html", context, status=status)


def _answer(workspace: Workspace, form: WhyForm) -> Answer | None:
    wanted = form.cleaned_data
    try:
        return why(
            workspace=workspace,
            who=wanted["who"],
            collection_id=UUID(wanted["collection"]),
            document_id=wanted["document"],
            on_behalf_of=wanted["on_behalf_of"],
        )
    except AppError as error:
        blame(form, error, WORDS)
        return None


def _document(pk: str) -> Document | None:
    try:
        return Document.objects.filter(pk=UUID(pk)).first()
    except ValueError:
        return None
