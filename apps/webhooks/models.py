"""Addresses that are told what happens, and each telling."""

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.applications.models import Application
from apps.core.ids import uuid7


class Off(models.TextChoices):
    """Why nothing is sent any more."""

    BY_HAND = "by_hand", _("Switched off by hand")
    FAILING = "failing", _("Switched off: it did not answer for five days")
    GONE = "gone", _("Switched off: the address answered that it is gone (410)")


# Why a message was not taken, where there was no answer.
REASONS: dict[str, Promise] = {
    "timeout": _("no answer in time"),
    "unreachable": _("not reachable"),
    "not_allowed": _("an internal server that is not named in KB_WEBHOOK_HOSTS"),
    "not_encrypted": _("not encrypted"),
    "switched_off": _("the webhook was switched off"),
    "error": _("its secret cannot be opened with the installation's key: make a new one"),
}


class Webhook(models.Model):
    """An address that is told of some kinds of events: of those that its application, or else the
    administrator who registered it, may see."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=100)
    url = models.CharField(_("address"), max_length=1000)
    kinds = models.JSONField(default=list)
    application = models.ForeignKey(
        Application, models.CASCADE, null=True, blank=True, related_name="webhooks"
    )
    owner = models.ForeignKey(User, models.CASCADE, related_name="+")
    sealed_secret = models.TextField()
    sealed_before = models.TextField(
        blank=True, default="", help_text="The secret before, which signs too until it ends."
    )
    before_until = models.DateTimeField(null=True, blank=True)
    position = models.PositiveBigIntegerField(default=0, help_text="Of the last event looked at.")
    off = models.CharField(max_length=10, choices=Off, blank=True, default="")
    failing_since = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failed_on = models.DateField(null=True, blank=True, help_text="The last day of a failure.")
    failed_days = models.PositiveIntegerField(
        default=0, help_text="Days with a failure since something was taken."
    )
    next_try_at = models.DateTimeField(
        null=True, blank=True, help_text="It is left alone until then, while it fails."
    )
    served_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name

    @property
    def is_on(self) -> bool:
        return not self.off


class Delivery(models.Model):
    """One event on its way to one address."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("given up")
        WITHHELD = "withheld", _("withheld: it may not be seen any more")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField()
    kind = models.CharField(max_length=60)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    status = models.PositiveIntegerField(null=True, blank=True, help_text="Of the last answer.")
    reason = models.CharField(max_length=20, blank=True, default="")
    tried_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=["webhook", "event_id"], name="one_delivery_per_event"),
        )
        indexes = (
            models.Index(
                "next_try_at", condition=models.Q(state="waiting"), name="deliveries_that_are_due"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"

    @property
    def reason_in_words(self) -> str:
        return str(REASONS.get(self.reason, self.reason))

    @property
    def message_id(self) -> str:
        """The same with every try, so that a receiver knows what it has already."""
        return f"msg_{self.id.hex}"


class Round(models.Model):
    """One row: who sends at present, so that slow addresses never hold more than one worker."""

    claimed_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.claimed_until or "")
