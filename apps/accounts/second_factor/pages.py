"""A person's own second factors and sessions: one page, and what is done on it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import notices, reauth, second_factor
from apps.accounts.forms import CodeForm, PasskeyForm
from apps.accounts.models import Passkey
from apps.accounts.second_factor import factors, gate, passkeys, recovery, totp
from apps.accounts.second_factor.step_pages import body_of
from apps.accounts.sessions import device
from apps.accounts.sessions import services as sessions
from apps.accounts.views import person_of
from apps.core import sealing
from apps.core.errors import AppError, message_of

_SECRET = "authenticator_secret"  # noqa: S105 - a name in the session


@gate.open_before
@never_cache
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    return page(request)


def page(request: HttpRequest, *, status: int = 200, **context: object) -> HttpResponse:
    """The page "Sign-in and security"; without the rest of the site while a factor is wanted."""
    person = person_of(request)
    is_shut = gate.is_shut(request)
    context = {
        "layout": "plain.html" if is_shut else "base.html",
        "is_shut": is_shut,
        "is_needed": second_factor.needs(person),
        "factors": factors.of(person),
        "can_passkey": passkeys.are_possible(),
        "happened": [] if is_shut else notices.recent(person),
        "sessions": device.listed(sessions.sessions_of(person), request),
        **context,
    }
    return render(request, "accounts/security.html", context, status=status)


# --- the authenticator app ------------------------------------------------------------------------
@gate.open_before
@never_cache
@reauth.required
@sensitive_post_parameters("code")
def app(request: HttpRequest) -> HttpResponse:
    """A QR code to read with the app, and a field for the first code that it shows."""
    person = person_of(request)
    if gate.is_shut(request) and factors.of(person).count:
        return redirect("accounts:second-factor")
    form = CodeForm(request.POST or None, is_app=True)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and _added(request, form):
            second_factor.mark(request.session, "totp")
            return page(request, status=201, codes=_first_codes(request))
    secret = _secret(request)
    context = {
        "form": form,
        "secret": secret,
        "picture": totp.picture_of(secret, person),
        "layout": "plain.html" if gate.is_shut(request) else "base.html",
    }
    return render(request, "accounts/app.html", context, status=status)


def _secret(request: HttpRequest) -> str:
    """The secret that is being set up: the same until its first code was typed."""
    kept = request.session.get(_SECRET)
    if kept:
        return sealing.unseal(kept)
    made = totp.new_secret()
    request.session[_SECRET] = sealing.seal(made)
    return made


def _added(request: HttpRequest, form: CodeForm) -> bool:
    code = form.cleaned_data["code"]
    try:
        totp.add(user=person_of(request), secret=_secret(request), code=code)
    except AppError:
        form.add_error(
            "code", _("This is not the code that the app shows now. Is its clock right?")
        )
        return False
    del request.session[_SECRET]
    return True


def _first_codes(request: HttpRequest) -> list[str]:
    person = person_of(request)
    return [] if recovery.left(person) else recovery.make(user=person)


@require_POST
@reauth.required
def app_remove(request: HttpRequest) -> HttpResponse:
    return _unless_needed(request, lambda: factors.remove_app(user=person_of(request)))


def _unless_needed(request: HttpRequest, act: object) -> HttpResponse:
    assert callable(act)  # noqa: S101 - for the types
    try:
        act()
    except AppError as error:
        sentence = (
            _("A group of yours wants a second factor. Add another one before you remove this.")
            if error.details.get("reason") == "last_factor"
            else message_of(error.code)
        )
        return page(request, status=error.status, refused=sentence)
    return redirect("accounts:security")


@gate.open_before
@require_POST
@reauth.required
def codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, in this answer only; the old ones stop working."""
    person = person_of(request)
    if gate.is_shut(request) or factors.of(person).count == 0:
        return redirect("accounts:security")
    return page(request, status=201, codes=recovery.make(user=person))


# --- passkeys -------------------------------------------------------------------------------------
@gate.open_before
@require_POST
def passkey_new(request: HttpRequest) -> HttpResponse:
    """The challenge for a new passkey."""
    reauth.require(request)
    _refuse_password_alone(request)
    made = passkeys.options_to_add(user=person_of(request), session=request.session)
    return HttpResponse(made, content_type="application/json")


@gate.open_before
@require_POST
def passkey_add(request: HttpRequest) -> HttpResponse:
    """Keep the passkey that the device has made."""
    reauth.require(request)
    _refuse_password_alone(request)
    body = body_of(request)
    form = PasskeyForm({"name": body.get("name", "")})
    name = form.cleaned_data["name"] if form.is_valid() else _("Passkey")
    passkeys.add(user=person_of(request), session=request.session, answer=body, name=name)
    second_factor.mark(request.session, "passkey")
    return JsonResponse({"next": reverse("accounts:security")}, status=201)


def _refuse_password_alone(request: HttpRequest) -> None:
    """Whoever has a factor gives it before adding another: a password alone is not enough."""
    if gate.is_shut(request) and factors.of(person_of(request)).count:
        raise passkeys.refused("second_factor")


@require_POST
def passkey_rename(request: HttpRequest, passkey: UUID) -> HttpResponse:
    key = get_object_or_404(Passkey, pk=passkey)
    form = PasskeyForm(request.POST)
    if form.is_valid():
        passkeys.rename(key=key, name=form.cleaned_data["name"])
    return redirect("accounts:security")


@require_POST
@reauth.required
def passkey_remove(request: HttpRequest, passkey: UUID) -> HttpResponse:
    key = get_object_or_404(Passkey.objects.select_related("owner"), pk=passkey)
    return _unless_needed(request, lambda: factors.remove_passkey(key=key))


# --- sessions -------------------------------------------------------------------------------------
@require_POST
@reauth.required
def session_end(request: HttpRequest, session: UUID) -> HttpResponse:
    sessions.end_session(user=person_of(request), handle=session)
    return redirect("accounts:security")


@require_POST
@reauth.required
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Every session but this one."""
    sessions.end_sessions(user=person_of(request), keep=request)
    messages.success(request, _("Every other device is signed out."))
    return redirect("accounts:security")
