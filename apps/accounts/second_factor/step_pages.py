"""The second step: a code or a passkey, at sign-in or when a group begins to want one."""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from apps.accounts import reauth, second_factor, signing_in, throttle
from apps.accounts.forms import CodeForm
from apps.accounts.models import User
from apps.accounts.second_factor import factors, passkeys
from apps.accounts.second_factor.gate import open_before
from apps.accounts.second_factor.passkeys import Purpose
from apps.core import limits
from apps.core.errors import AppError, ErrorCode
from apps.core.pages import safe_next
from apps.core.views import error_response

# Beside the lock by address: whoever knows the password has few guesses wherever they ask from.
GUESSES = "30/hour"
_MOST_BYTES = 64 * 1024


@open_before
@login_not_required
@never_cache
@sensitive_post_parameters("code")
def second_step(request: HttpRequest) -> HttpResponse:
    """Asks whoever gave the password, and whoever is signed in without a factor that they need."""
    user = _whose(request)
    if user is None:
        return redirect_to_login("/")
    mine = factors.of(user)
    if request.user.is_authenticated and mine.count == 0:
        return redirect("accounts:security")
    form = CodeForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = _try_code(request, user, form) if form.is_valid() else 422
        if status == 200:
            return _passed(request, user, by=form.cleaned_data["by"])
    context = {
        "form": form,
        "factors": mine,
        "next": safe_next(request, ""),
        "can_passkey": bool(mine.passkeys) and passkeys.are_possible(),
    }
    return render(request, "accounts/second_step.html", context, status=status)


def _whose(request: HttpRequest) -> User | None:
    if isinstance(request.user, User):
        is_due = second_factor.is_missing(request.user, request.session)
        return request.user if is_due else None
    return signing_in.waiting(request)


def _try_code(request: HttpRequest, user: User, form: CodeForm) -> int:
    """Take the code, or write on the form why not. Returns the status of the answer."""
    if sentence := throttle.refusal(request, user.email):
        form.add_error(None, sentence)
        return 429
    allowance = limits.hit(GUESSES, "second factor", str(user.pk))
    if allowance is not None and not allowance.is_allowed:
        form.add_error(None, throttle.wait_sentence(allowance.reset_s))
        return 429
    by = factors.take_code(user=user, code=form.cleaned_data["code"])
    if by is None:
        throttle.count_failure(request, user.email)
        form.add_error("code", _("This code is not right, or was used already."))
        return 422
    limits.forget(GUESSES, "second factor", str(user.pk))
    form.cleaned_data["by"] = by
    return 200


def _passed(request: HttpRequest, user: User, *, by: str) -> HttpResponse:
    if not request.user.is_authenticated:
        return signing_in.second_given(request, user, by=by)
    second_factor.mark(request.session, by)
    reauth.confirm(request)
    return redirect(safe_next(request, reverse("home")))


# --- passkeys -------------------------------------------------------------------------------------
@open_before
@login_not_required
@never_cache
@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """A challenge: to sign in, as the second step, or to confirm who it is."""
    purpose, user = _purpose(request)
    made = passkeys.options_to_prove(session=request.session, purpose=purpose, user=user)
    return HttpResponse(made, content_type="application/json")


@open_before
@login_not_required
@never_cache
@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    """The signed challenge. Answers with where to go."""
    purpose, user = _purpose(request)
    name = user.email if user else "passkey"
    if throttle.refusal(request, name):
        return error_response(request, ErrorCode.TOO_MANY_REQUESTS, status=429)
    try:
        proven = passkeys.prove(
            session=request.session, purpose=purpose, user=user, answer=body_of(request)
        )
    except AppError:
        throttle.count_failure(request, name)
        raise
    if purpose is Purpose.SIGN_IN:
        done = signing_in.by_passkey(request, proven, to=safe_next(request, reverse("home")))
    elif purpose is Purpose.CONFIRM:
        done = _confirmed(request)
    else:
        done = signing_in.second_given(request, proven, by="passkey")
    return JsonResponse({"next": done["Location"]})


def _confirmed(request: HttpRequest) -> HttpResponse:
    second_factor.mark(request.session, "passkey")
    reauth.confirm(request)
    return redirect(safe_next(request, reverse("home")))


def _purpose(request: HttpRequest) -> tuple[Purpose, User | None]:
    if isinstance(request.user, User):
        return Purpose.CONFIRM, request.user
    user = signing_in.waiting(request)
    return (Purpose.SECOND, user) if user else (Purpose.SIGN_IN, None)


def body_of(request: HttpRequest) -> Mapping[str, Any]:
    """The JSON object of a script of ours. Raises AppError BAD_REQUEST for anything else."""
    try:
        found = json.loads(request.body) if len(request.body) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AppError(ErrorCode.BAD_REQUEST)
    return found
