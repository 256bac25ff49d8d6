"""Workspaces, their members and roles, and the collections in them."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import BY_HAND, ORIGIN_LENGTH, Group
from apps.core.ids import uuid7
from apps.permissions.models import GuardedModel, Kind, ScopedModel, WorkspaceModel
from apps.permissions.roles import Permission, Role
from apps.permissions.scope import ScopeDenied, current_scope
from apps.workspaces.access.models import AccessRequest
from apps.workspaces.roles.models import CustomRole

__all__ = [
    "AccessRequest",
    "AnswerMode",
    "Collection",
    "CollectionGrant",
    "CustomRole",
    "Member",
    "Workspace",
]


class AnswerMode(models.TextChoices):
    CHAT = "chat", _("Chat")
    DOCUMENTS_ONLY = "documents_only", _("Documents only")


class Workspace(WorkspaceModel):
    """A department's room."""

    scope_path = "id"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    mode = models.CharField(
        _("answers"), max_length=20, choices=AnswerMode, default=AnswerMode.DOCUMENTS_ONLY
    )
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    prompt = models.TextField(_("instructions"), blank=True, default="", max_length=4000)
    model = models.CharField(_("model"), max_length=200, blank=True, default="")
    is_canary = models.BooleanField(
        default=False, editable=False, help_text="Planted for a proof; shown to no administrator."
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who looks after it; gives no right.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(WorkspaceModel.Meta):
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


def _one_holder() -> models.BaseConstraint:
    return models.CheckConstraint(
        condition=Q(user__isnull=True) ^ Q(group__isnull=True),
        name="%(class)s_is_of_a_user_or_a_group",
    )


class Member(WorkspaceModel):
    """A user's or a group's role in a workspace: one of the three, or one that the installation
    made itself, in ``custom``; then ``role`` is empty.

    ``origin`` as in ``accounts.GroupMember``: what a mapping of outside groups gives a person stands
    in rows of its own beside the one by hand, and the roles of all rows add up.
    """

    write_kind = Kind.MEMBERS

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="memberships"
    )
    group = models.ForeignKey(
        Group, models.CASCADE, null=True, blank=True, related_name="memberships"
    )
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.VIEWER, blank=True)
    custom = models.ForeignKey(
        CustomRole, models.PROTECT, null=True, blank=True, related_name="members"
    )
    origin = models.CharField(max_length=ORIGIN_LENGTH, blank=True, default=BY_HAND)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(WorkspaceModel.Meta):
        constraints = (
            _one_holder(),
            models.CheckConstraint(
                condition=Q(role="") ^ Q(custom__isnull=True), name="one_role_per_member"
            ),
            models.UniqueConstraint(
                fields=["workspace", "user"], name="one_role_per_user", condition=Q(origin=BY_HAND)
            ),
            models.UniqueConstraint(
                fields=["workspace", "user", "role", "origin"],
                name="one_role_per_origin",
                condition=~Q(origin=BY_HAND) & Q(custom=None),
            ),
            models.UniqueConstraint(
                fields=["workspace", "user", "custom", "origin"],
                name="one_custom_role_per_origin",
                condition=~Q(origin=BY_HAND) & Q(custom__isnull=False),
            ),
            models.UniqueConstraint(fields=["workspace", "group"], name="one_role_per_group"),
        )

    def __str__(self) -> str:
        return f"{self.user or self.group}: {self.held_role}"

    @property
    def held_role(self) -> Role | CustomRole:
        """The role itself; ask for it with ``select_related("custom")``."""
        return self.custom or Role(self.role)

    def give(self, role: Role | CustomRole) -> None:
        """Set the role, not saved yet."""
        if isinstance(role, CustomRole):
            self.custom, self.role = role, ""
        else:
            self.custom, self.role = None, Role(role)


class Collection(GuardedModel):
    """Documents that are granted together: the unit of permission.

    An *open* collection is read by every member of the workspace; a closed one by managers and
    by those with a grant. A *listed* one is named to members who cannot open it.
    """

    scope_path = "id"
    write_path = "workspace_id"
    read_kind = Kind.READABLE
    write_kind = Kind.COLLECTIONS

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="collections")
    name = models.CharField(_("name"), max_length=120)
    description = models.CharField(_("description"), max_length=500, blank=True, default="")
    is_open = models.BooleanField(_("every member can read it"), default=True)
    is_listed = models.BooleanField(_("members see its name"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(GuardedModel.Meta):
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=["workspace", "name"], name="one_collection_per_name"),
        )

    def __str__(self) -> str:
        return self.name


class CollectionGrant(ScopedModel):
    """What a user or a group may do in one collection, beyond the role in the workspace."""

    write_path = "workspace_id"
    write_kind = Kind.COLLECTIONS

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="grants")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="grants"
    )
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="grants")
    role = models.CharField(
        _("role"),
        max_length=20,
        choices=[(Role.VIEWER, Role.VIEWER.label), (Role.CONTRIBUTOR, Role.CONTRIBUTOR.label)],
        default=Role.VIEWER,
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(ScopedModel.Meta):
        constraints = (
            _one_holder(),
            models.UniqueConstraint(fields=["collection", "user"], name="one_grant_per_user"),
            models.UniqueConstraint(fields=["collection", "group"], name="one_grant_per_group"),
        )

    def __str__(self) -> str:
        return f"{self.user or self.group}: {self.role}"

    def check_writable(self, *, is_insert: bool = False) -> None:
        """Managers of the workspace write grants, so the collection has to lie in it: otherwise
        one could grant oneself a collection of another workspace."""
        super().check_writable(is_insert=is_insert)
        rooms = Collection.objects.filter(pk=self.collection_id, workspace_id=self.workspace_id)
        if not current_scope().is_system and not rooms.exists():
            raise ScopeDenied(Permission.WORKSPACE_MANAGE)
