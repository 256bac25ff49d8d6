"""Sign-in by somebody else's word: the providers, who they say people are, and their sessions."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.core.ids import uuid7


class SignOnProvider(models.Model):
    """A server of the company that says who somebody is. ``slug`` is part of its addresses here
    and of the origin of groups that it fills."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20)
    slug = models.CharField(
        _("short name"),
        max_length=40,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*\Z")],
    )
    name = models.CharField(_("name"), max_length=80)
    name_zh = models.CharField(_("name in Chinese"), max_length=80, blank=True, default="")
    settings = models.JSONField(default=dict)
    secrets = models.TextField(blank=True, default="", help_text="Sealed JSON.")
    is_on = models.BooleanField(default=False)
    creates_people = models.BooleanField(default=True)
    # For these an account that is there already is taken over by its confirmed e-mail address.
    domains = models.JSONField(default=list, blank=True)
    # The provider lets nobody choose an address: each counts as confirmed.
    confirms_emails = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """Its name in the language that is being read."""
        is_chinese = (get_language() or "").startswith("zh")
        return self.name_zh if is_chinese and self.name_zh else self.name


class SignOnIdentity(models.Model):
    """One person as one provider knows them. The e-mail address plays no part in it, and neither
    does what another provider says that has the same issuer."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="sign_on_identities")
    provider = models.ForeignKey(SignOnProvider, models.CASCADE, related_name="sign_on_identities")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["provider", "issuer", "subject"], name="one_person_per_provider_and_subject"
            ),
        )

    def __str__(self) -> str:
        return f"{self.subject} @ {self.issuer}"


class SignOnSession(models.Model):
    """A session here that began at a provider: what is needed to end exactly this one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    identity = models.ForeignKey(SignOnIdentity, models.CASCADE, related_name="sessions")
    session_key = models.CharField(max_length=40, unique=True)
    sid = models.CharField(max_length=255, blank=True, default="", db_index=True)
    hint = models.TextField(blank=True, default="", help_text="Sealed; named when signing out.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.identity_id} {self.created_at}"


class SignOnPolicy(models.Model):
    """The one row that says who may still use a password."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    passwords_for_administrators_only = models.BooleanField(default=False)

    def __str__(self) -> str:
        return "administrators only" if self.passwords_for_administrators_only else "everybody"
