"""Programs that ask with keys of their own: what each may do, for whom, and from where."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import CANARY_DOMAIN, User
from apps.core.ids import uuid7
from apps.permissions.roles import ApplicationScope


class Acts(models.TextChoices):
    """For whom an application asks."""

    PEOPLE = "people", _("Only on behalf of people")
    SERVICE = "service", _("Only for itself, with what it was granted")
    BOTH = "both", _("Either")


class Reach(models.TextChoices):
    """What an application may open when it asks on behalf of a person."""

    PERSON = "person", _("Whatever the person may open")
    GRANTED = "granted", _("Of that only what the application was granted itself")


def _no_scopes() -> list[str]:
    return [ApplicationScope.READ.value, ApplicationScope.ASK.value]


class ApplicationManager(models.Manager["Application"]):
    """Applications of this installation: those that are planted for a proof of isolation are on no
    list and nobody's to change."""

    def get_queryset(self) -> models.QuerySet["Application"]:
        # No join: an update then finds each row as the one before it left it.
        planted = User.objects.filter(email__endswith=f"@{CANARY_DOMAIN}")
        return super().get_queryset().exclude(account__in=planted)


class Application(models.Model):
    """A program: an ERP, a finance system. It never can do more than its scopes say.

    What it may open for itself, and under ``Reach.GRANTED`` also for people, are the roles and
    grants of its ``account``: given, limited and revoked like those of a person. Sandbox keys use
    those of ``sandbox_account``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=500, blank=True, default="")
    scopes = models.JSONField(default=_no_scopes)
    acts = models.CharField(max_length=10, choices=Acts, default=Acts.PEOPLE)
    reach = models.CharField(max_length=10, choices=Reach, default=Reach.GRANTED)
    networks = models.JSONField(default=list, blank=True, help_text="CIDR; empty: any address.")
    origins = models.JSONField(default=list, blank=True, help_text="Web pages that may call.")
    account = models.OneToOneField(User, models.PROTECT, related_name="+")
    sandbox_account = models.OneToOneField(User, models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)
    owner = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who looks after it; gives no right.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[ApplicationManager] = ApplicationManager()
    with_planted: ClassVar[models.Manager["Application"]] = models.Manager()

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(Lower("name"), name="one_application_per_name"),)

    def __str__(self) -> str:
        return self.name

    def scope_names(self) -> list[str]:
        return [str(ApplicationScope(scope).label) for scope in self.scopes]


class ApplicationKey(models.Model):
    """A key of an application: shown once, stored as a hash."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, models.CASCADE, related_name="keys")
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(max_length=20, help_text="First characters, to recognise it by.")
    key_sha256 = models.CharField(max_length=64, unique=True)
    is_sandbox = models.BooleanField(default=False)
    requests_per_minute = models.PositiveIntegerField(default=600)
    tokens_per_day = models.PositiveIntegerField(default=0, help_text="0: not limited.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_address = models.GenericIPAddressField(null=True, blank=True, unpack_ipv4=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"


class KeyUsage(models.Model):
    """What one key used on one day (UTC)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.ForeignKey(ApplicationKey, models.CASCADE, related_name="usage")
    day = models.DateField()
    answers = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    reserved = models.PositiveBigIntegerField(default=0, help_text="By answers under way.")

    class Meta:
        ordering = ("-day",)
        constraints = (models.UniqueConstraint(fields=["key", "day"], name="one_usage_per_day"),)

    def __str__(self) -> str:
        return f"{self.key_id} {self.day}"


class KeyHold(models.Model):
    """Tokens that one answer under way has reserved; gone when it has ended."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    turn_id = models.UUIDField(unique=True)
    usage = models.ForeignKey(KeyUsage, models.CASCADE, related_name="holds")
    tokens = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.turn_id} {self.tokens}"


class PublicKey(models.Model):
    """A key with which an application signs for whom it asks. Only the public half is here."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, models.CASCADE, related_name="public_keys")
    kid = models.CharField(max_length=200)
    algorithm = models.CharField(max_length=10)
    jwk: Any = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(fields=["application", "kid"], name="one_public_key_per_kid"),
        )

    def __str__(self) -> str:
        return f"{self.kid} ({self.algorithm})"
