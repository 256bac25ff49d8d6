"""How model servers are, on the page of models."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache

from apps.engines.models import Endpoint
from apps.gateway.queries import live as how
from apps.permissions.pages import for_administrators


@for_administrators
@never_cache
def live(request: HttpRequest, endpoint: UUID) -> HttpResponse:
    """One server now: whether it answers, what it has to do, whether it is left alone."""
    row = get_object_or_404(Endpoint, pk=endpoint)
    return render(request, "gateway/_live.html", {"live": how(row), "endpoint": row})
