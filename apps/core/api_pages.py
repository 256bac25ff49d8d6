"""/api/docs: the API, call by call, on one page that needs nothing from elsewhere."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.api_reference import sections


@require_safe
@login_not_required
def api_docs(request: HttpRequest) -> HttpResponse:
    """Public as the schema is: it describes this program, and says nothing of the installation but
    its address."""
    base = settings.PUBLIC_URL.rstrip("/")
    return render(request, "core/api_docs.html", {"sections": sections(), "base": base})
