"""People and machines that sign in, the groups they are in, and their keys."""

from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError, ErrorCode
from apps.core.ids import uuid7
from apps.permissions.models import OwnedModel
from apps.permissions.roles import KeyScope

# Where a membership, a role or an account comes from when a person of this installation gave it;
# any other origin is an outside source, written KIND:NAME.
BY_HAND = ""
ORIGIN_LENGTH = 120

# Of accounts that are planted for a proof of isolation. They have no password, and no list shows
# them; nobody real has an address in .invalid (RFC 2606).
CANARY_DOMAIN = "canary.invalid"


class UserManager(BaseUserManager["User"]):
    def create_user(self, *, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user with a hashed password; None leaves the account without one (invited)."""
        user = self.model(email=email.strip(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def plant(self, *, name: str, **fields: Any) -> "User":
        """An account of a proof of isolation, which only the proof makes and removes."""
        user = self.model(email=f"{uuid4().hex}@{CANARY_DOMAIN}", name=name, **fields)
        user.is_planted = True
        user.set_password(None)
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
    is_shut_by_hand = models.BooleanField(
        default=False, help_text="Deactivated by a person: no outside source brings them back."
    )
    is_application = models.BooleanField(
        default=False, help_text="The account of a program: it holds grants and never signs in."
    )
    language = models.CharField(max_length=10, blank=True, default="")
    theme = models.CharField(max_length=10, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()
    # Of this object alone, said by who plants it: stored is the address.
    is_planted = False

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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """The one place that every address of an account comes through. Raises AppError
        BAD_REQUEST for one that would hide a person, as what a proof plants is hidden."""
        fields = kwargs.get("update_fields")
        if (fields is None or "email" in fields) and not self.is_planted:
            _require_not_hidden(self.email)
        super().save(*args, **kwargs)


def _require_not_hidden(email: str) -> None:
    if email.strip().lower().endswith(f"@{CANARY_DOMAIN}"):
        raise AppError(ErrorCode.BAD_REQUEST, field="email", reason="reserved")


class Group(models.Model):
    """A named set of people; what it grants is decided in ``workspaces``."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=150)
    members = models.ManyToManyField(
        User, through="GroupMember", related_name="kb_groups", blank=True
    )
    needs_second_factor = models.BooleanField(_("members need a second factor"), default=False)
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
    """A link that works once: set up the installation, accept an invitation, reset a password or a
    second factor that was lost."""

    class Purpose(models.TextChoices):
        SETUP = "setup"
        INVITE = "invite"
        RESET = "reset"
        FACTOR = "factor"

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


# --- sessions -------------------------------------------------------------------------------------
class BrowserSession(AbstractBaseSession):
    """One browser, signed in or about to be. ``handle`` names it on pages; the key is its secret."""

    handle = models.UUIDField(default=uuid7, editable=False, unique=True)
    user = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="browser_sessions"
    )
    agent = models.CharField(max_length=300, blank=True, default="")
    address = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(auto_now_add=True)

    class Meta(AbstractBaseSession.Meta):
        ordering = ("-last_used_at",)

    def __str__(self) -> str:
        return str(self.handle)

    def save(self, *args: Any, force_update: bool = False, **kwargs: Any) -> None:
        """Django's store writes a whole row each time; what it does not know stays as it is."""
        if force_update:
            kwargs["update_fields"] = ["session_data", "expire_date", "user"]
        super().save(*args, force_update=force_update, **kwargs)


# --- second factors -------------------------------------------------------------------------------
class Authenticator(OwnedModel):
    """An app that shows one-time codes (TOTP). ``last_step`` is the time step of the last code that
    was taken: none is taken twice."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(User, models.CASCADE, related_name="authenticators")
    sealed_secret = models.TextField(help_text="Encrypted; see core.sealing.")
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta(OwnedModel.Meta):
        constraints = (models.UniqueConstraint("owner", name="one_authenticator_per_person"),)

    def __str__(self) -> str:
        return f"authenticator {self.pk}"


class RecoveryCode(OwnedModel):
    """A code on paper that works once. ``hint``: its first characters, to find it by."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    hint = models.CharField(max_length=4)
    code_hash = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class Passkey(OwnedModel):
    """A key pair in a person's device (WebAuthn): the public half, and how often it was used."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(User, models.CASCADE, related_name="passkeys")
    name = models.CharField(_("name"), max_length=100)
    credential_id = models.CharField(max_length=1400, unique=True, help_text="base64url")
    public_key = models.TextField(help_text="COSE, base64url")
    sign_count = models.BigIntegerField(default=0)
    transports = models.JSONField(default=list, blank=True)
    is_backed_up = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta(OwnedModel.Meta):
        ordering = ("created_at",)

    def __str__(self) -> str:
        return self.name
