"""Verbs on webhooks: for administrators, and for an application on its own."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.applications.models import Application
from apps.core import sealing
from apps.core.errors import AppError, ErrorCode
from apps.events import chain
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.webhooks import jobs
from apps.webhooks.kinds import KINDS
from apps.webhooks.models import Delivery, Off, Webhook
from apps.webhooks.sending import checked
from apps.webhooks.signing import new_secret

# So long the secret before signs too.
OVERLAP = timedelta(days=2)
MOST = 50


@transaction.atomic
def create_webhook(
    *, name: str, url: str, kinds: Sequence[str], application: Application | None = None
) -> tuple[Webhook, str]:
    """(row, secret). The secret is shown once. It is told of what happens from now on. Raises
    AppError ADDRESS_REFUSED for an address that nothing is sent to."""
    scope = current_scope()
    _require_right(application)
    if scope.actor_id is None or Webhook.objects.count() >= MOST:
        raise AppError(ErrorCode.CONFLICT, status=409, reason="too_many")
    secret = new_secret()
    webhook = Webhook.objects.create(
        name=name.strip(),
        url=checked(url),
        kinds=_known(kinds),
        application=application,
        owner_id=scope.actor_id,
        sealed_secret=sealing.seal(secret),
        position=chain.state().position,
    )
    events.record("webhook.created", webhook, name=webhook.name)
    return webhook, secret


@transaction.atomic
def change_webhook(*, webhook: Webhook, **values: Any) -> Webhook:
    """``values``: name, url, kinds."""
    _require_right(webhook.application)
    if "url" in values:
        values["url"] = checked(values["url"])
    if "kinds" in values:
        values["kinds"] = _known(values["kinds"])
    for field, value in values.items():
        setattr(webhook, field, value)
    webhook.save(update_fields=list(values))
    events.record("webhook.changed", webhook, name=webhook.name, fields=sorted(values))
    return webhook


# Nothing else of a webhook is written back: somebody may be changing it, or sending.
_SWITCH = (
    "off",
    "failing_since",
    "failed_on",
    "failed_days",
    "failures",
    "next_try_at",
    "position",
)


@transaction.atomic
def set_on(*, webhook: Webhook, is_on: bool) -> None:
    """Switch it off, or on again: then it is told of what happens from now on. What was still
    waiting is given up."""
    _require_right(webhook.application)
    if webhook.is_on == is_on:
        return
    webhook.off = "" if is_on else Off.BY_HAND
    webhook.failing_since = webhook.failed_on = webhook.next_try_at = None
    webhook.failures = webhook.failed_days = 0
    if is_on:
        webhook.position = chain.state().position
    webhook.save(update_fields=_SWITCH)
    webhook.deliveries.filter(state=Delivery.State.WAITING).update(
        state=Delivery.State.FAILED, reason="switched_off", next_try_at=None
    )
    kind = "webhook.resumed" if is_on else "webhook.stopped"
    events.record(kind, webhook, name=webhook.name)


@transaction.atomic
def rotate(*, webhook: Webhook) -> str:
    """A new secret, shown once. For two days every message is signed with both."""
    _require_right(webhook.application)
    secret = new_secret()
    webhook.sealed_before, webhook.sealed_secret = webhook.sealed_secret, sealing.seal(secret)
    webhook.before_until = timezone.now() + OVERLAP
    webhook.save(update_fields=["sealed_before", "sealed_secret", "before_until"])
    events.record("webhook.rotated", webhook, name=webhook.name, until=webhook.before_until)
    return secret


@transaction.atomic
def delete_webhook(*, webhook: Webhook) -> None:
    _require_right(webhook.application)
    events.record("webhook.deleted", webhook, name=webhook.name)
    webhook.delete()


@transaction.atomic
def send_again(*, delivery: Delivery) -> None:
    """Send one message once more, now, with the same id."""
    _require_right(delivery.webhook.application)
    delivery.state, delivery.next_try_at = Delivery.State.WAITING, timezone.now()
    delivery.attempts = 0
    delivery.save(update_fields=["state", "next_try_at", "attempts"])
    Webhook.objects.filter(pk=delivery.webhook_id).update(next_try_at=None)
    jobs.DELIVER.enqueue()


def _require_right(application: Application | None) -> None:
    """Administrators, or the application whose it is, asking for itself."""
    scope = current_scope()
    is_own = application is not None and scope.application_id == application.pk
    if not (is_own and scope.on_behalf_of is None and scope.allows(Permission.WEBHOOKS)):
        scope.require(Permission.ADMINISTER)


def _known(kinds: Sequence[str]) -> list[str]:
    found = [kind for kind in KINDS if kind in kinds]
    if not found or len(found) != len(set(kinds)):
        raise AppError(ErrorCode.BAD_REQUEST, field="kinds")
    return found
