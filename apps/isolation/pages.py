"""The page of the last proof, for administrators."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.isolation import report
from apps.isolation.jobs import PROVE
from apps.isolation.models import Proof
from apps.permissions.pages import for_administrators


@for_administrators
@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    proof = Proof.objects.first()
    context = {
        "proof": proof,
        "tables": _tables(proof) if proof else [],
        "leaks": report.leaks(proof) if proof else [],
        "blind": report.blind(proof) if proof else [],
        "error": _(proof.error) if proof and proof.error else "",
        "earlier": Proof.objects.all()[1:15],
        "here": "isolation",
    }
    return render(request, "isolation/proof.html", context)


def _tables(proof: Proof) -> list[tuple[str, list[tuple[str, int, int]]]]:
    return [
        (_("Asked through"), report.by_entry(proof)),
        (_("Asked as"), report.by_visitor(proof)),
    ]


@for_administrators
@require_POST
def begin(_request: HttpRequest) -> HttpResponse:
    PROVE.enqueue()
    return redirect("isolation:proof")


@for_administrators
@never_cache
@require_safe
def as_text(_request: HttpRequest) -> HttpResponse:
    """The report as a file to keep."""
    proof = Proof.objects.first()
    text = report.as_markdown(proof) if proof else ""
    response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="isolation.md"'
    return response
