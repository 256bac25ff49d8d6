"""Where people are known from outside, who is who there, and what its groups give here."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import ORIGIN_LENGTH, Group, User
from apps.core.ids import uuid7
from apps.permissions.roles import Role
from apps.workspaces.models import CustomRole


class IdentitySource(models.Model):
    """One outside place that knows people and their groups: a directory, a sign-on provider."""

    class Kind(models.TextChoices):
        LDAP = "ldap", _("Directory (LDAP)")
        OIDC = "oidc", "OpenID Connect"
        SAML = "saml", "SAML"
        CAS = "cas", "CAS"
        PROXY = "proxy", _("Trusted proxy")
        SCIM = "scim", "SCIM"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.SlugField(_("name"), max_length=60, help_text=_("Short, never changed."))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("kind", "name")
        constraints = (
            models.UniqueConstraint(fields=["kind", "name"], name="one_source_per_origin"),
        )

    def __str__(self) -> str:
        return self.origin

    @property
    def origin(self) -> str:
        """``KIND:NAME``: what memberships and roles remember of where they come from."""
        return f"{self.kind}:{self.name}"


class Identity(models.Model):
    """Who a person is in one source. ``key`` never changes there (entryUUID, objectGUID, ``sub``);
    name and address may. ``groups`` is what the source said when it was last asked."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.ForeignKey(IdentitySource, models.CASCADE, related_name="identities")
    user = models.ForeignKey(User, models.CASCADE, related_name="identities")
    key = models.CharField(max_length=255)
    name = models.CharField(max_length=500, blank=True, default="", help_text="As DN or subject.")
    groups = models.JSONField(default=list, blank=True)
    is_enabled = models.BooleanField(default=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["source", "key"], name="one_identity_per_key"),
            models.UniqueConstraint(fields=["source", "user"], name="one_identity_per_person"),
            models.CheckConstraint(condition=~Q(key=""), name="identity_has_a_key"),
        )

    def __str__(self) -> str:
        return f"{self.source_id}: {self.name or self.key}"


_NO_ROLE = {"workspace_id": None, "role": "", "custom": None}


class MappingRule(models.Model):
    """What an outside group gives: a group here, a role in a workspace (one of the three, or one of
    the installation's own in ``custom``; then ``role`` is empty), or the installation.

    ``outside`` is the group's DN, the DN of an organisational unit, a plain name, or ``*`` for
    everybody of the source. Letter case does not count.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.ForeignKey(IdentitySource, models.CASCADE, related_name="rules")
    outside = models.CharField(_("group outside"), max_length=500)
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")
    # An id and no relation: rules are read without a scope, workspaces are not.
    workspace_id = models.UUIDField(null=True, blank=True, db_index=True)
    role = models.CharField(_("role"), max_length=20, choices=Role, blank=True, default="")
    custom = models.ForeignKey(
        CustomRole, models.PROTECT, null=True, blank=True, related_name="mapping_rules"
    )
    is_administrator = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("outside", "id")
        constraints = (
            models.CheckConstraint(
                name="rule_gives_one_thing",
                condition=(
                    Q(group__isnull=False, is_administrator=False, **_NO_ROLE)
                    | (
                        Q(group=None, workspace_id__isnull=False, is_administrator=False)
                        & (Q(role="") ^ Q(custom=None))
                    )
                    | Q(group=None, is_administrator=True, **_NO_ROLE)
                ),
            ),
        )

    def __str__(self) -> str:
        return self.outside


class GivenAdministrator(models.Model):
    """That a source made somebody an administrator, and whether they were one by hand before."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(IdentitySource, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    was_by_hand = models.BooleanField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["source", "user"], name="one_administrator_per_source"),
        )

    def __str__(self) -> str:
        return f"{self.user_id} {self.source_id}"


class Directory(models.Model):
    """An LDAP directory or Active Directory: how it is reached, read and followed."""

    class Preset(models.TextChoices):
        LDAP = "ldap", _("LDAP directory (OpenLDAP, 389, FreeIPA)")
        ACTIVE_DIRECTORY = "ad", _("Active Directory (Samba, Windows)")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.OneToOneField(IdentitySource, models.CASCADE, related_name="directory")
    preset = models.CharField(_("kind"), max_length=10, choices=Preset, default=Preset.LDAP)
    is_on = models.BooleanField(_("people sign in with it"), default=False)
    addresses = models.TextField(_("servers"))
    is_start_tls = models.BooleanField(_("encrypt with StartTLS"), default=False)
    ca = models.TextField(_("certificate authority"), blank=True, default="")
    bind_dn = models.CharField(_("service account"), max_length=500, blank=True, default="")
    secret = models.TextField(blank=True, default="", help_text="Sealed password.")
    user_bases = models.TextField(_("people are below"))
    user_filter = models.CharField(_("filter for people"), max_length=1000)
    group_bases = models.TextField(_("groups are below"), blank=True, default="")
    group_filter = models.CharField(_("filter for groups"), max_length=1000)
    key_attribute = models.CharField(_("attribute that never changes"), max_length=60)
    login_attribute = models.CharField(_("attribute of the login name"), max_length=60)
    name_attribute = models.CharField(_("attribute of the name"), max_length=60)
    mail_attribute = models.CharField(_("attribute of the e-mail address"), max_length=60)
    timeout_s = models.PositiveSmallIntegerField(_("seconds to wait"), default=5)
    prepares = models.BooleanField(_("prepare people before they first sign in"), default=False)
    every_minutes = models.PositiveIntegerField(_("synchronise every … minutes"), default=60)
    successor = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("successor")
    )
    next_run_at = models.DateTimeField(null=True, blank=True, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("created_at",)

    def __str__(self) -> str:
        return self.source.name


class DirectoryRun(models.Model):
    """One leased look at a whole directory: what would change, or what did."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("At work")
        DONE = "done", _("Up to date")
        ASKING = "asking", _("Asks before it removes")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    directory = models.ForeignKey(Directory, models.CASCADE, related_name="runs")
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    is_dry = models.BooleanField(default=False, help_text="Only says what it would do.")
    may_remove = models.PositiveIntegerField(default=0, help_text="As many as a person confirmed.")
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    seen = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, blank=True, help_text="Kind of change → how many.")
    lines = models.JSONField(default=list, blank=True, help_text="[{kind, who, gained, lost}, …]")
    to_remove = models.PositiveIntegerField(default=0, help_text="People it asks about.")
    error_code = models.CharField(max_length=40, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["directory"],
                condition=Q(state__in=["queued", "running"]),
                name="one_active_run_per_directory",
            ),
        )

    def __str__(self) -> str:
        return f"{self.directory_id} {self.state}"

    @property
    def is_active(self) -> bool:
        return self.state in {self.State.QUEUED, self.State.RUNNING}


assert ORIGIN_LENGTH >= 10 + 1 + 60  # noqa: S101 - an origin fits where it is remembered
