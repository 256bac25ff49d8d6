"""The page that asks again who it is, before something that is hard to undo."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from apps.accounts import reauth, throttle
from apps.accounts.forms import ConfirmForm
from apps.accounts.models import User
from apps.accounts.second_factor import factors, passkeys, totp
from apps.accounts.second_factor.gate import open_before
from apps.accounts.second_factor.step_pages import GUESSES
from apps.accounts.views import person_of
from apps.core import limits
from apps.core.pages import safe_next


@open_before
@never_cache
@sensitive_post_parameters("password")
def confirm(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    mine = factors.of(person)
    form = ConfirmForm(request.POST or None, takes_code=mine.app is not None)
    status = 200
    if request.method == "POST":
        status = _try(request, form) if form.is_valid() else 422
        if status == 200:
            return redirect(safe_next(request, reverse("home")))
    context = {
        "form": form,
        "next": safe_next(request, ""),
        "can_type": person.has_usable_password() or mine.app is not None,
        "can_passkey": bool(mine.passkeys) and passkeys.are_possible(),
    }
    return render(request, "accounts/confirm.html", context, status=status)


def _try(request: HttpRequest, form: ConfirmForm) -> int:
    """Confirm, or write on the form why not. Returns the status of the answer."""
    person = person_of(request)
    if sentence := throttle.refusal(request, person.email):
        form.add_error(None, sentence)
        return 429
    allowance = limits.hit(GUESSES, "second factor", str(person.pk))
    if allowance is not None and not allowance.is_allowed:
        form.add_error(None, throttle.wait_sentence(allowance.reset_s))
        return 429
    if not _is_right(person, form):
        throttle.count_failure(request, person.email)
        form.add_error(
            "password", _("This is neither your present password nor a code of your app.")
        )
        return 422
    throttle.forget_failures(request, person.email)
    limits.forget(GUESSES, "second factor", str(person.pk))
    reauth.confirm(request)
    return 200


def _is_right(person: User, form: ConfirmForm) -> bool:
    """The password, or the code that the authenticator app shows now."""
    answer = form.cleaned_data["password"]
    return person.check_password(answer) or totp.take(user=person, code=answer)
