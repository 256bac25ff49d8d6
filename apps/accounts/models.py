"""People and machines that sign in, the groups they are in, and their keys."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7
from apps.permissions.models import OwnedModel
from apps.permissions.roles import KeyScope

# Where a membership, a role or an account comes from when a person of this installation gave it;
# any other origin is an outside source, written KIND:NAME.
BY_HAND = ""
ORIGIN_LENGTH = 120


class UserManager(BaseUserManager["User"]):
    def create_user(self, *, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user with a hashed password; None leaves the account without one (invited)."""
        user = self.model(email=email.strip(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person. Signs in with e-mail or login name and password; the directory comes beside it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(_("e-mail"), max_length=254)
    login = models.CharField(_("login name"), max_length=150, blank=True, default="")
    name = models.CharField(_("name"), max_length=150, blank=True, default="")
    is_administrator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_application = models.BooleanField(
        default=False, help_text="The account of a program: it holds grants and never signs in."
    )
    language = models.CharField(max_length=10, blank=True, default="")
    theme = models.CharField(max_length=10, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ("name", "email")
        constraints = (
            models.UniqueConstraint(Lower("email"), name="one_user_per_email"),
            models.UniqueConstraint(
                Lower("login"), name="one_user_per_login", condition=~models.Q(login="")
            ),
        )

    def __str__(self) -> str:
        return self.name or self.email


class Group(models.Model):
    """A named set of people; what it grants is decided in ``workspaces``."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=150)
    members = models.ManyToManyField(
        User, through="GroupMember", related_name="kb_groups", blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(Lower("name"), name="one_group_per_name"),)

    def __str__(self) -> str:
        return self.name


class GroupMember(models.Model):
    """One reason why a person is in a group; there may be several of them.

    ``origin`` says who put them there: empty for a person of this installation (*by hand*), else
    the outside source that did, as ``KIND:NAME`` (``ldap:main``, ``oidc:acme``, ``scim:hr``). Each
    origin adds and removes its own rows only, so ``group.members`` may name a person twice: count
    and list with ``distinct``.
    """

    id = models.BigAutoField(primary_key=True)
    group = models.ForeignKey(Group, models.CASCADE, related_name="reasons")
    user = models.ForeignKey(User, models.CASCADE, related_name="group_reasons")
    origin = models.CharField(max_length=ORIGIN_LENGTH, blank=True, default=BY_HAND)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "accounts_group_members"
        constraints = (
            models.UniqueConstraint(
                fields=["group", "user", "origin"], name="one_reason_per_origin"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} in {self.group_id} {self.origin}"


class Nesting(models.Model):
    """A group in a group: whoever is in ``inner`` is in ``outer`` too. See ``accounts.nesting``."""

    outer = models.ForeignKey(Group, models.CASCADE, related_name="inner_nestings")
    inner = models.ForeignKey(Group, models.CASCADE, related_name="outer_nestings")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["outer", "inner"], name="one_nesting_per_pair"),
            models.CheckConstraint(
                condition=~models.Q(outer=models.F("inner")), name="no_group_in_itself"
            ),
        )

    def __str__(self) -> str:
        return f"{self.inner_id} in {self.outer_id}"


class OneTimeLink(models.Model):
    """A link that works once: set up the installation, accept an invitation, reset a password."""

    class Purpose(models.TextChoices):
        SETUP = "setup"
        INVITE = "invite"
        RESET = "reset"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    purpose = models.CharField(max_length=10, choices=Purpose)
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="links")
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"


class ApiKey(OwnedModel):
    """A personal API key: shown once, stored as a hash, never able to do more than its owner."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(max_length=16, help_text="First characters, to recognise it by.")
    key_sha256 = models.CharField(max_length=64, unique=True)
    scope = models.CharField(_("scope"), max_length=10, choices=KeyScope, default=KeyScope.ASK)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta(OwnedModel.Meta):
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"
