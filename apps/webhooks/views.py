"""Pages of the administration: webhooks and what came of their messages."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import reauth
from apps.core.errors import AppError, message_of
from apps.permissions.pages import for_administrators
from apps.webhooks import services
from apps.webhooks.forms import WebhookForm
from apps.webhooks.models import Delivery, Webhook

_SHOWN = 50


@for_administrators
@never_cache
def webhooks(request: HttpRequest) -> HttpResponse:
    """All of them; a posted form makes one, and shows its secret this once."""
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not reauth.is_recent(request):
            return reauth.ask(request)
        made = _unless_refused(form, lambda: services.create_webhook(**form.cleaned_data))
        if made is not None:
            return _one(request, made[0], status=201, secret=made[1])
    rows = Webhook.objects.select_related("application", "owner")
    context = {"form": form, "webhooks": rows, "here": "webhooks"}
    status = 422 if request.method == "POST" else 200
    return render(request, "webhooks/list.html", context, status=status)


@for_administrators
@never_cache
@require_safe
def webhook(request: HttpRequest, webhook: UUID) -> HttpResponse:
    return _one(request, _row(webhook))


def _row(webhook: UUID) -> Webhook:
    return get_object_or_404(Webhook.objects.select_related("application", "owner"), pk=webhook)


def _one(
    request: HttpRequest, found: Webhook, *, status: int = 200, **context: object
) -> HttpResponse:
    values = {"name": found.name, "url": found.url, "kinds": found.kinds}
    context = {
        "webhook": found,
        "form": WebhookForm(initial=values, is_new=False),
        "deliveries": found.deliveries.all()[:_SHOWN],
        "here": "webhooks",
        **context,
    }
    return render(request, "webhooks/webhook.html", context, status=status)


@for_administrators
@require_POST
@reauth.required
def change(request: HttpRequest, webhook: UUID) -> HttpResponse:
    found = _row(webhook)
    form = WebhookForm(request.POST, is_new=False)
    if form.is_valid():
        values = form.cleaned_data
        if _unless_refused(form, lambda: services.change_webhook(webhook=found, **values)):
            return redirect("webhooks:webhook", found.pk)
    found.refresh_from_db()
    return _one(request, found, status=422, form=form)


@for_administrators
@require_POST
@reauth.required
def rotate(request: HttpRequest, webhook: UUID) -> HttpResponse:
    found = _row(webhook)
    secret = services.rotate(webhook=found)
    return _one(request, found, status=201, secret=secret, until=found.before_until)


@for_administrators
@require_POST
@reauth.required
def state(request: HttpRequest, webhook: UUID) -> HttpResponse:
    """Switch it off (``on=0``), or on again."""
    services.set_on(webhook=_row(webhook), is_on=request.POST.get("on") == "1")
    return redirect("webhooks:webhook", webhook)


@for_administrators
@require_POST
@reauth.required
def delete(_request: HttpRequest, webhook: UUID) -> HttpResponse:
    services.delete_webhook(webhook=_row(webhook))
    return redirect("webhooks:webhooks")


@for_administrators
@require_POST
def again(_request: HttpRequest, webhook: UUID, delivery: UUID) -> HttpResponse:
    rows = Delivery.objects.select_related("webhook__application")
    services.send_again(delivery=get_object_or_404(rows, pk=delivery, webhook_id=webhook))
    return redirect("webhooks:webhook", webhook)


def _unless_refused(form: WebhookForm, act: Callable[[], Any]) -> Any:
    """What ``act`` gives; None, and the reason beside its field, when it was refused."""
    try:
        return act()
    except AppError as error:
        if error.details.get("reason") == "too_many":
            form.add_error(None, _("There are too many webhooks already. Remove one first."))
        elif error.details.get("field") == "kinds":
            form.add_error("kinds", message_of(error.code))
        else:
            form.add_error(
                "url",
                _(
                    "Nothing is sent to this address: public ones begin with https://, internal "
                    "ones have to be named in KB_WEBHOOK_HOSTS."
                ),
            )
        return None
