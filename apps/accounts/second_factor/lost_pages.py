"""Where the link of ``lost`` leads."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from apps.accounts import outside, services, signing_in, throttle
from apps.accounts.forms import ConfirmForm
from apps.accounts.models import OneTimeLink, User
from apps.accounts.second_factor import lost
from apps.accounts.second_factor.gate import open_before
from apps.accounts.views import dead_link


@open_before
@login_not_required
@never_cache
@sensitive_post_parameters("password")
def lost_factor(request: HttpRequest, token: str) -> HttpResponse:
    """Asks for the password; somebody without one must be signed in by their provider."""
    link = services.open_link(token, OneTimeLink.Purpose.FACTOR)
    if link is None or link.user is None or not link.user.is_active:
        return dead_link(request)
    form = ConfirmForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = _try(request, link.user, form)
        if status == 200:
            lost.give_up(token=token, user=link.user)
            signing_in.first_given(request, link.user)
            return redirect("accounts:security")
    context = {"form": form, "person": link.user, "asks": _has_password(link.user)}
    return render(request, "accounts/lost_factor.html", context, status=status)


def _has_password(person: User) -> bool:
    """Whether a password says who this is: not where only administrators may use theirs."""
    return person.has_usable_password() and outside.takes_password(person)


def _try(request: HttpRequest, person: User, form: ConfirmForm) -> int:
    """Check who it is, or write on the form why not. Returns the status of the answer."""
    if not _has_password(person):
        return 200 if request.user == person else 422
    if not form.is_valid():
        return 422
    if sentence := throttle.refusal(request, person.email):
        form.add_error(None, sentence)
        return 429
    if not person.check_password(form.cleaned_data["password"]):
        throttle.count_failure(request, person.email)
        form.add_error("password", _("This is not your present password."))
        return 422
    return 200
