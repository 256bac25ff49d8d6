"""Signing in and out, first run, one-time links, and a person's own page."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from apps.accounts import outside, reauth, services, sign_in_log, signing_in, throttle
from apps.accounts.forms import (
    JoinForm,
    LanguageForm,
    PasswordForm,
    ProfileForm,
    SetupForm,
    SignInForm,
    ThemeForm,
)
from apps.accounts.language import COOKIE
from apps.accounts.models import OneTimeLink, User
from apps.accounts.second_factor import passkeys
from apps.accounts.second_factor.gate import open_before
from apps.accounts.sessions import services as sessions
from apps.core.errors import AppError, message_of
from apps.core.pages import blame, safe_next, show

_YEAR_S = 365 * 24 * 3600


def person_of(request: HttpRequest) -> User:
    """Who is signed in. The scope middleware lets nobody else reach such a view."""
    assert isinstance(request.user, User)  # noqa: S101 - see above; for the types
    return request.user


def taken() -> dict[str, str]:
    """Words for a name or an address that somebody else has."""
    return {
        "email": _("Somebody has this e-mail address already."),
        "login": _("Somebody has this login name already."),
        "reserved": _("This address is kept for a test of the installation. Give another one."),
    }


# --- signing in and out ---------------------------------------------------------------------------
@login_not_required
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(safe_next(request, reverse("home")))
    form = SignInForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        user, status = _by_password(request, form)
        if user is not None:
            backend = getattr(user, "backend", "")
            return signing_in.first_given(request, user, backend=backend, to=safe_next(request, ""))
    context = {
        "form": form,
        "next": safe_next(request, ""),
        "needs_setup": not services.has_administrator(),
        "ways": outside.offered(request),
        "can_passkey": passkeys.are_possible(),
    }
    return render(request, "accounts/sign_in.html", context, status=status)


def _by_password(request: HttpRequest, form: SignInForm) -> tuple[User | None, int]:
    """Who it is, or on the form why not, and the status of the answer."""
    username, password = form.cleaned_data["username"], form.cleaned_data["password"]
    if sentence := throttle.refusal(request, username):
        form.add_error(None, sentence)
        return None, 429
    user = authenticate(request, username=username, password=password)
    if isinstance(user, User) and not outside.takes_password(user):
        throttle.count_failure(request, username)
        user = None
    if not isinstance(user, User):
        form.add_error(None, _why_not(request))
        return None, 422
    return user, 200


def _why_not(request: HttpRequest) -> str:
    """What to say. A backend may know better, and says so only to whoever knew the password, or
    when it could ask nobody."""
    refusal = getattr(request, "sign_in_refusal", None)
    if refusal is not None:
        return message_of(refusal)
    return _("The name or the password is not right.")


@open_before
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out here, and where the session began. What pages kept in the browser goes too."""
    sign_in_log.signed_out(request)
    response = outside.leaving(request)
    if response is None:
        logout(request)
        response = redirect("accounts:sign-in")
    response["Clear-Site-Data"] = '"storage"'
    return response


# --- first run and one-time links -----------------------------------------------------------------
@login_not_required
@never_cache
@sensitive_post_parameters("password")
def setup(request: HttpRequest, token: str) -> HttpResponse:
    """Step 1 of the first run: whoever holds the printed link becomes the administrator."""
    link = services.open_link(token, OneTimeLink.Purpose.SETUP)
    if link is None or services.has_administrator():
        return dead_link(request)
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = services.redeem(token=token, **form.cleaned_data)
        return signing_in.first_given(request, user, to=reverse("engines:welcome"), way="link")
    status = 422 if form.is_bound else 200
    return render(request, "accounts/setup.html", {"form": form}, status=status)


@login_not_required
@never_cache
@sensitive_post_parameters("password")
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Somebody who was invited, or who lost the password, sets one and is signed in."""
    link = services.open_link(token, OneTimeLink.Purpose.INVITE, OneTimeLink.Purpose.RESET)
    if link is None or link.user is None or not link.user.is_active:
        return dead_link(request)
    if not outside.takes_password(link.user):
        messages.error(request, _("Passwords are for administrators only here. Sign in below."))
        return redirect("accounts:sign-in")
    form = JoinForm(request.POST or None, initial={"name": link.user.name})
    form.person = link.user
    if request.method == "POST" and form.is_valid():
        user = services.redeem(token=token, **form.cleaned_data)
        return signing_in.first_given(request, user, way="link")
    context = {"form": form, "person": link.user, "is_reset": link.purpose == link.Purpose.RESET}
    status = 422 if form.is_bound else 200
    return render(request, "accounts/join.html", context, status=status)


def dead_link(request: HttpRequest) -> HttpResponse:
    """The page for a link that is used, old or never was."""
    context = {"needs_setup": not services.has_administrator()}
    return render(request, "accounts/dead_link.html", context, status=404)


# --- one's own page -------------------------------------------------------------------------------
@never_cache
def profile(request: HttpRequest) -> HttpResponse:
    user = person_of(request)
    form = ProfileForm(request.POST or None, initial={"name": user.name, "login": user.login})
    status = 200
    if request.method == "POST":
        status = 422
        is_new_way_in = form.is_valid() and form.cleaned_data["login"] != user.login
        if is_new_way_in and not reauth.is_recent(request):
            return reauth.ask(request)
        if form.is_valid() and _rename(user, form):
            messages.success(request, _("Saved."))
            return redirect("accounts:profile")
    return _profile(request, status=status, form=form)


def _profile(request: HttpRequest, *, status: int, **forms: object) -> HttpResponse:
    user = person_of(request)
    context = {
        "form": ProfileForm(initial={"name": user.name, "login": user.login}),
        "password_form": PasswordForm(person=user),
        "languages": settings.LANGUAGES,
        **forms,
    }
    return show(request, "accounts/profile.html", "accounts/_profile.html", context, status=status)


def _rename(user: User, form: ProfileForm) -> bool:
    try:
        services.rename_user(user=user, **form.cleaned_data)
    except AppError as error:
        user.refresh_from_db()  # the sidebar shows who they still are
        blame(form, error, taken())
        return False
    return True


@require_POST
@sensitive_post_parameters("current", "password")
def password(request: HttpRequest) -> HttpResponse:
    """A new password: this session goes on, every other one ends."""
    user = person_of(request)
    if sentence := throttle.refusal(request, user.email):
        messages.error(request, sentence)
        return _profile(request, status=429)
    form = PasswordForm(request.POST, person=user)
    if not form.is_valid():
        if "current" in form.errors:
            throttle.count_failure(request, user.email)
        return _profile(request, status=422, password_form=form)
    throttle.forget_failures(request, user.email)
    services.change_password(user=user, password=form.cleaned_data["password"])
    update_session_auth_hash(request, user)
    sessions.end_sessions(user=user, keep=request)
    messages.success(request, _("The password is changed. Other devices are signed out."))
    return redirect("accounts:profile")


@open_before
@login_not_required
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Read in another language from now on: in this browser, and wherever this person signs in."""
    response = redirect(safe_next(request, reverse("home")))
    form = LanguageForm(request.POST)
    if form.is_valid():
        chosen = form.cleaned_data["language"]
        if request.user.is_authenticated:
            services.prefer(user=person_of(request), language=chosen)
        response.set_cookie(
            COOKIE, chosen, max_age=_YEAR_S, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )
    return response


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    form = ThemeForm(request.POST)
    if form.is_valid():
        services.prefer(user=person_of(request), theme=form.cleaned_data["theme"])
    return redirect(safe_next(request, reverse("home")))
