"""Leaving for a provider, coming back from it, and what it says by itself."""

import logging
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import reauth, sign_in_log
from apps.accounts.second_factor import factors
from apps.accounts.views import person_of
from apps.core import limits
from apps.core.errors import AppError, message_of
from apps.core.pages import safe_next
from apps.signon import flows, services
from apps.signon.groups import told
from apps.signon.kinds.base import Flow, Onward, Statement
from apps.signon.models import SignOnIdentity, SignOnProvider
from apps.signon.ways import away

log = logging.getLogger(__name__)
_BACKEND = settings.AUTHENTICATION_BACKENDS[0]
KEY = "sign_on_key"
# What is posted is kept for a while, whoever posts it.
_POSTS = "60/minute"


def _provider(slug: str) -> SignOnProvider:
    return get_object_or_404(SignOnProvider, slug=slug, is_on=True)


def _worded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """What goes wrong on the way is said on a page with a way back; the log has the reason."""

    @wraps(view)
    def wrapped(request: HttpRequest, provider: str) -> HttpResponse:
        try:
            return view(request, provider)
        except AppError as error:
            log.warning("sign-on by %s: %s %s", provider, error.code, error.details.get("reason"))
            sign_in_log.provider_failed(request, provider=provider, code=str(error.code))
            context = {"message": message_of(error.code), "code": error.code}
            return render(request, "signon/failed.html", context, status=error.status)

    return wrapped


# --- signing in -----------------------------------------------------------------------------------
@login_not_required
@never_cache
@require_safe
@_worded
def begin(request: HttpRequest, provider: str) -> HttpResponse:
    """Leave for the provider."""
    row = _provider(provider)
    kind = services.kind_of(row)
    if not kind.has_button:
        raise Http404
    if request.user.is_authenticated:
        return redirect(safe_next(request, reverse("home")))
    flow = flows.begin(request, row.slug, next_url=safe_next(request, ""))
    return redirect(kind.away(flow))


@csrf_exempt
@login_not_required
@never_cache
@_worded
def callback(request: HttpRequest, provider: str) -> HttpResponse:
    """Come back from the provider. A form that the provider's page posts comes without our
    cookies: what it holds is kept for a moment, and read when the browser asks again with them."""
    row = _provider(provider)
    kind = services.kind_of(row)
    if request.method == "POST":
        return _posted(request, row) if kind.posts_answers else _ended(request, row)
    flow = flows.taken(request, row.slug, kind.state_of(request))
    statement = kind.statement(request, flow)
    if flow.for_user:
        return _connected(request, row, flow, statement)
    identity = services.arrive(provider=row, statement=statement)
    told(row, identity.user, statement)
    enter(request, identity, statement)
    return redirect(flow.next or reverse("home"))


def _posted(request: HttpRequest, row: SignOnProvider) -> HttpResponse:
    limits.require(_POSTS, "sign-on posted", str(request.META.get("REMOTE_ADDR", "")))
    again = f"{reverse('signon:callback', args=[row.slug])}?kept={flows.keep(request)}"
    response = redirect(again)
    response.status_code = 303
    return response


def enter(request: HttpRequest, identity: SignOnIdentity, statement: Statement) -> None:
    """Begin the session of this person. A provider may let them through without asking, so whoever
    has a means of ours shows it again before dangerous acts."""
    login(request, identity.user, backend=_BACKEND)
    if identity.user.has_usable_password() or factors.of(identity.user).count:
        reauth.unmark(request)
    key = request.session.session_key or ""
    services.remember(identity=identity, session_key=key, statement=statement)
    request.session[KEY] = key
    sign_in_log.signed_in(request, identity.user, way="provider", provider=identity.provider.name)


def _connected(
    request: HttpRequest, row: SignOnProvider, flow: Flow, statement: Statement
) -> HttpResponse:
    if not request.user.is_authenticated or str(request.user.pk) != flow.for_user:
        raise Http404
    services.connect(provider=row, statement=statement, user=person_of(request))
    messages.success(request, _("You can sign in with %(name)s now.") % {"name": row.label})
    return redirect("accounts:profile")


@require_POST
@never_cache
@_worded
def connect(request: HttpRequest, provider: str) -> HttpResponse:
    """Connect the account of whoever is signed in: a new way in for good, so it asks who it is."""
    if not reauth.is_recent(request):
        return reauth.ask(request)
    row = _provider(provider)
    kind = services.kind_of(row)
    if not kind.has_button:
        raise Http404
    flow = flows.begin(request, row.slug, for_user=str(request.user.pk))
    return away(request, Onward(kind.away(flow)), row)


@require_POST
def disconnect(request: HttpRequest, provider: str) -> HttpResponse:
    """One's own account opens with it no more. The last way in stays."""
    user = person_of(request)
    rows = SignOnIdentity.objects.select_related("provider", "user").filter(user=user)
    identity = get_object_or_404(rows, provider__slug=provider)
    if not user.has_usable_password() and rows.count() == 1:
        messages.error(request, _("You would have no way to sign in any more."))
    else:
        services.disconnect(identity=identity)
        messages.success(request, _("Disconnected."))
    return redirect("accounts:profile")


@login_not_required
@require_safe
@_worded
def metadata(_request: HttpRequest, provider: str) -> HttpResponse:
    """How we describe ourselves, also before people may sign in."""
    row = get_object_or_404(SignOnProvider, slug=provider)
    described = services.kind_of(row).described()
    if not described:
        raise Http404
    return HttpResponse(described, content_type="application/samlmetadata+xml")


# --- what the provider says by itself -------------------------------------------------------------
@csrf_exempt
@login_not_required
@never_cache
def ended(request: HttpRequest, provider: str) -> HttpResponse:
    """Sessions end because the provider says so."""
    return _ended(request, _provider(provider))


def _ended(request: HttpRequest, row: SignOnProvider) -> HttpResponse:
    try:
        ended = services.kind_of(row).ended(request)
        services.end_sessions(provider=row, ended=ended)
    except AppError as error:
        log.warning("logout by %s: %s", row.slug, error.details.get("reason"))
        return JsonResponse({"error": "invalid_request"}, status=400)
    if ended.answer is None:
        return HttpResponse(status=200)
    return (
        away(request, ended.answer, row) if ended.answer.fields else redirect(ended.answer.target)
    )
