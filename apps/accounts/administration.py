"""Pages of the administration: people."""

from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import queries, reauth, services, throttle
from apps.accounts.forms import PersonForm
from apps.accounts.models import User
from apps.accounts.second_factor import lost
from apps.accounts.sessions import services as sessions
from apps.accounts.views import taken
from apps.core.errors import AppError, ErrorCode, message_of
from apps.core.pages import blame, show
from apps.permissions.pages import for_administrators

_PER_PAGE = 100


@for_administrators
@never_cache
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    return _people(request, form=PersonForm())


def _people(request: HttpRequest, *, status: int = 200, **context: object) -> HttpResponse:
    named = request.GET.get("q", "")
    page = Paginator(queries.people(named=named), _PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": PersonForm(),
        **context,
        "people": page,
        "locked": throttle.locked(page.object_list),
        "named": named,
        "here": "people",
        "public_url": settings.PUBLIC_URL,
    }
    template = "administration/people.html"
    return show(request, template, "administration/_people.html", context, status=status)


@for_administrators
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Add somebody. The link with which they choose a password is in this answer only."""
    form = PersonForm(request.POST)
    if not form.is_valid():
        return _people(request, status=422, form=form)
    try:
        user, link = services.invite(**form.cleaned_data)
    except AppError as error:
        blame(form, error, taken())
        return _people(request, status=error.status, form=form)
    return _people(request, status=201, linked=user, link=link)


@for_administrators
@require_POST
@reauth.required
def reset(request: HttpRequest, user: UUID) -> HttpResponse:
    """A new one-time link for somebody; older ones end."""
    found = get_object_or_404(User, pk=user, is_active=True)
    return _people(request, linked=found, link=services.reset_link(user=found))


@for_administrators
@require_POST
@reauth.required
def factor(request: HttpRequest, user: UUID) -> HttpResponse:
    """A one-time link with which somebody who lost their second factor begins anew."""
    found = get_object_or_404(User, pk=user, is_active=True)
    return _people(request, linked=found, link=lost.link(user=found))


@for_administrators
@require_POST
def unlock(request: HttpRequest, user: UUID) -> HttpResponse:
    """Let somebody try again at once after too many wrong passwords."""
    throttle.unlock(user=get_object_or_404(User, pk=user))
    return _people(request)


@for_administrators
@require_POST
@reauth.required
def deactivate(request: HttpRequest, user: UUID) -> HttpResponse:
    found = get_object_or_404(User, pk=user)
    return _unless_refused(request, found, lambda: services.deactivate(user=found))


@for_administrators
@require_POST
@reauth.required
def sign_out(request: HttpRequest, user: UUID) -> HttpResponse:
    """End somebody's session in every browser; of oneself, in every other."""
    found = get_object_or_404(User, pk=user)
    sessions.end_sessions(user=found, keep=request if found == request.user else None)
    return _people(request)


@for_administrators
@require_POST
@reauth.required
def reactivate(request: HttpRequest, user: UUID) -> HttpResponse:
    services.reactivate(user=get_object_or_404(User, pk=user))
    return _people(request)


@for_administrators
@require_POST
@reauth.required
def administrator(request: HttpRequest, user: UUID) -> HttpResponse:
    """Make somebody an administrator (``on=1``), or no longer one."""
    found = get_object_or_404(User, pk=user)
    is_on = request.POST.get("on") == "1"
    return _unless_refused(
        request, found, lambda: services.set_administrator(user=found, is_administrator=is_on)
    )


def _unless_refused(request: HttpRequest, user: User, act: Callable[[], None]) -> HttpResponse:
    try:
        act()
    except AppError as error:
        words = {
            "break_glass": message_of(ErrorCode.BREAK_GLASS),
            "last_administrator": _("One administrator has to stay. Make somebody else one first."),
        }
        refused = words.get(str(error.details.get("reason"))) or message_of(error.code)
        return _people(request, status=error.status, refused=refused, refused_for=user)
    return _people(request)
