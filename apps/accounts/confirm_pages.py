"""The page that asks again who it is, before something that is hard to undo."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from apps.accounts import reauth, throttle
from apps.accounts.forms import ConfirmForm
from apps.accounts.views import person_of
from apps.core.pages import safe_next


@never_cache
@sensitive_post_parameters("password")
def confirm(request: HttpRequest) -> HttpResponse:
    form = ConfirmForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = _try(request, form) if form.is_valid() else 422
        if status == 200:
            return redirect(safe_next(request, reverse("home")))
    context = {
        "form": form,
        "next": safe_next(request, ""),
        "has_password": person_of(request).has_usable_password(),
    }
    return render(request, "accounts/confirm.html", context, status=status)


def _try(request: HttpRequest, form: ConfirmForm) -> int:
    """Confirm, or write on the form why not. Returns the status of the answer."""
    person = person_of(request)
    if throttle.is_blocked(request, person.email):
        form.add_error(None, _("Too many failed attempts. Try again in five minutes."))
        return 429
    if not person.check_password(form.cleaned_data["password"]):
        throttle.count_failure(request, person.email)
        form.add_error("password", _("This is not your present password."))
        return 422
    throttle.forget_failures(request, person.email)
    reauth.mark(request)
    return 200
