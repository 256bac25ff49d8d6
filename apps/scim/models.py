"""People and groups that another system tells us of by SCIM, its keys, and what it asked last."""

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.core.ids import uuid7
from apps.directory.models import Identity, IdentitySource


class Provisioning(models.Model):
    """One system that tells of people: its tokens reach people and groups of its source only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.OneToOneField(IdentitySource, models.CASCADE, related_name="provisioning")
    is_on = models.BooleanField(_("it may tell of people"), default=False)
    successor = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("successor")
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("created_at",)

    def __str__(self) -> str:
        return self.source.name


class ProvisioningToken(models.Model):
    """What the other system shows: seen once, stored as a hash."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provisioning = models.ForeignKey(Provisioning, models.CASCADE, related_name="tokens")
    prefix = models.CharField(max_length=16, help_text="First characters, to recognise it by.")
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.prefix}…"


class ProvisionedPerson(models.Model):
    """What was said of a person. ``id`` is how the other system calls them; ``said`` holds what it
    wrote, of the attributes that we keep. Deleted there, the row stays for who comes back."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.ForeignKey(IdentitySource, models.CASCADE, related_name="+")
    identity = models.OneToOneField(Identity, models.CASCADE, related_name="provisioned")
    user_name = models.CharField(max_length=254)
    external_id = models.CharField(max_length=255, blank=True, default="", db_index=True)
    email = models.CharField(max_length=254, blank=True, default="")
    display_name = models.CharField(max_length=300, blank=True, default="")
    is_active = models.BooleanField(default=True)
    said = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                "source",
                Lower("user_name"),
                condition=models.Q(deleted_at=None),
                name="one_provisioned_person_per_name",
            ),
        )

    def __str__(self) -> str:
        return self.user_name


class ProvisionedGroup(models.Model):
    """A group as the other system has it. What it gives here is for the rules of the source."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.ForeignKey(IdentitySource, models.CASCADE, related_name="+")
    name = models.CharField(max_length=300)
    external_id = models.CharField(max_length=255, blank=True, default="")
    people = models.ManyToManyField(
        ProvisionedPerson, through="ProvisionedMember", related_name="groups"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class ProvisionedMember(models.Model):
    """That a person is in a group of the other system."""

    id = models.BigAutoField(primary_key=True)
    group = models.ForeignKey(ProvisionedGroup, models.CASCADE, related_name="memberships")
    person = models.ForeignKey(ProvisionedPerson, models.CASCADE, related_name="memberships")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["group", "person"], name="one_provisioned_membership"),
        )

    def __str__(self) -> str:
        return f"{self.person_id} in {self.group_id}"


class ProvisioningCall(models.Model):
    """One of the last calls of the other system, for whoever looks why somebody is not here."""

    id = models.BigAutoField(primary_key=True)
    provisioning = models.ForeignKey(Provisioning, models.CASCADE, related_name="calls")
    method = models.CharField(max_length=10)
    address = models.CharField(max_length=300)
    status = models.PositiveSmallIntegerField()
    said = models.CharField(max_length=300, blank=True, default="", help_text="Of an error.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.method} {self.address} {self.status}"
