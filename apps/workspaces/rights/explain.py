"""Why somebody can or cannot open a collection, as the chain of rules that decides it.

It reads the facts that the scope is folded from and asks the same rules; whether the chain and the
scope agree is tested on worlds made at random.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from apps.accounts import nesting
from apps.accounts.models import ApiKey, Group, GroupMember, User
from apps.permissions.roles import KEY_GRANTS, KeyScope, Permission, Role
from apps.permissions.scope import NOBODY, Scope, system_scope
from apps.workspaces.models import Collection, CustomRole, Workspace
from apps.workspaces.rights.facts import Facts, HeldGrant, HeldRole, facts_of, folded, opens
from apps.workspaces.scopes import kept_to


class Effect(StrEnum):
    """What a rule does: lets in to read, to read and write, only to read, out; or it just stands
    there and explains why another does not."""

    OPENS = "opens"
    OPENS_TO_WRITE = "opens_to_write"
    KEEPS_TO_READ = "keeps_to_read"
    SHUTS = "shuts"
    SAYS = "says"


EFFECTS = [(effect.value, effect.value) for effect in Effect]


@dataclass(frozen=True, slots=True)
class Step:
    """One rule of the chain. ``through`` are groups, from the one that the person is in to the one
    that holds the rule; empty: it is held by the person. ``origin`` is the outside source (as
    ``ldap:main``) that gave the role, or put the person into the first of the groups."""

    rule: str
    effect: Effect
    text: str
    through: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer, and the rules that lead to it. ``reads`` and ``writes`` come from the scope
    itself, never from the chain."""

    reads: bool
    writes: bool
    steps: tuple[Step, ...]


def explain(*, user: User, collection: Collection, key: ApiKey | None = None) -> Explanation:
    """What decides whether this person, or this key of theirs, may open the collection."""
    with system_scope("why somebody can or cannot open a collection"):
        facts = facts_of(user)
        workspace = Workspace.objects.get(pk=collection.workspace_id)
        words = _words(workspace, facts)
    scope = _scope(user, facts, key)
    steps = [
        *_of_person(user),
        *_of_roles(facts, collection, words),
        *_of_collection(facts, collection),
        *_of_grants(facts, collection, words),
        *_of_administrator(facts, collection),
        *_of_key(key, facts),
    ]
    reads = collection.pk in scope.readable
    return Explanation(reads, collection.pk in scope.writable, tuple(steps))


def outcome(steps: tuple[Step, ...]) -> tuple[bool, bool]:
    """(read, write) as the chain alone would have it."""
    effects = {step.effect for step in steps}
    if Effect.SHUTS in effects:
        return False, False
    writes = Effect.OPENS_TO_WRITE in effects
    reads = writes or Effect.OPENS in effects
    return reads, writes and Effect.KEEPS_TO_READ not in effects


def _scope(user: User, facts: Facts, key: ApiKey | None) -> Scope:
    if not user.is_active or (key is not None and not _is_valid(key, facts)):
        return NOBODY
    scope = folded(facts)
    return scope if key is None else kept_to(scope, key)


def _is_valid(key: ApiKey, facts: Facts) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > facts.now)


# --- the words ------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Words:
    """Names that the steps need."""

    workspace: str
    groups: Mapping[UUID, str]
    roles: Mapping[UUID, str]
    origins: Mapping[UUID, str]

    def origin(self, facts: Facts, group_id: UUID | None) -> str:
        """Who put the person into the group in which the way to this one begins."""
        if group_id is None:
            return ""
        return self.origins.get(nesting.path_to(group_id, facts.through)[0], "")

    def through(self, facts: Facts, group_id: UUID | None) -> tuple[str, ...]:
        if group_id is None:
            return ()
        path = nesting.path_to(group_id, facts.through)
        return tuple(self.groups.get(pk, "?") for pk in path)

    def role(self, held: HeldRole) -> str:
        if held.custom_id is not None:
            return self.roles.get(held.custom_id, "?")
        return str(Role(held.role).label)


def _words(workspace: Workspace, facts: Facts) -> _Words:
    groups = Group.objects.filter(pk__in=facts.through).values_list("pk", "name")
    own = [role.custom_id for role in facts.roles if role.custom_id]
    roles = CustomRole.objects.filter(pk__in=own).values_list("pk", "name")
    reasons = GroupMember.objects.filter(user_id=facts.user_id).order_by("-origin")
    origins = reasons.values_list("group_id", "origin")  # by hand comes last, and counts
    return _Words(workspace.name, dict(groups), dict(roles), dict(origins))


# --- the chain ------------------------------------------------------------------------------------
def _of_person(user: User) -> list[Step]:
    if user.is_active:
        return []
    return [Step("deactivated", Effect.SHUTS, _("The account is deactivated: it may do nothing."))]


def _of_roles(facts: Facts, collection: Collection, words: _Words) -> list[Step]:
    held = [role for role in facts.roles if role.workspace_id == collection.workspace_id]
    if not held:
        says = _("No role in the workspace %(workspace)s, neither their own nor through a group.")
        return [Step("no_role", Effect.SAYS, says % {"workspace": words.workspace})]
    says = _("Role “%(role)s” in the workspace %(workspace)s.")
    return [
        Step(
            "role",
            Effect.SAYS,
            says % {"role": words.role(role), "workspace": words.workspace},
            words.through(facts, role.group_id),
            role.origin or words.origin(facts, role.group_id),
        )
        for role in held
    ]


def _of_collection(facts: Facts, collection: Collection) -> list[Step]:
    """What the roles together open here, by the rule that the scope is folded with."""
    held = facts.by_role(collection.workspace_id)
    reads, writes = opens(held, is_open=collection.is_open)
    if reads:
        effect = Effect.OPENS_TO_WRITE if writes else Effect.OPENS
        if collection.is_open:
            return [Step("open", effect, _("The collection is open to every member."))]
        says = _("The collection is closed; this role decides who opens it, and so opens it too.")
        return [Step("managed", effect, says)]
    if held and Permission.DOCUMENT_READ not in held:
        return [Step("no_reading", Effect.SAYS, _("This role does not read documents."))]
    if collection.is_open:
        return [Step("members_only", Effect.SAYS, _("The collection is open to members only."))]
    says = _("The collection is closed: it opens to managers and to those it is granted to.")
    return [Step("closed", Effect.SAYS, says), _listing(collection, is_member=bool(held))]


def _listing(collection: Collection, *, is_member: bool) -> Step:
    if collection.is_listed and is_member:
        return Step("listed", Effect.SAYS, _("It is listed: they see its name and can ask for it."))
    return Step("unseen", Effect.SAYS, _("To them it does not exist: they do not see its name."))


def _of_grants(facts: Facts, collection: Collection, words: _Words) -> list[Step]:
    held = [grant for grant in facts.grants if grant.collection_id == collection.pk]
    if not held:
        return [Step("no_grant", Effect.SAYS, _("No grant on this collection."))]
    return [_grant(grant, facts, words) for grant in held]


def _grant(grant: HeldGrant, facts: Facts, words: _Words) -> Step:
    where = (words.through(facts, grant.group_id), words.origin(facts, grant.group_id))
    values = {"role": Role(grant.role).label, "day": _day(grant)}
    if not grant.is_valid(facts.now):
        says = _("A grant as “%(role)s” ended on %(day)s.") % values
        return Step("grant_ended", Effect.SAYS, says, *where)
    writes = Permission.DOCUMENT_WRITE in grant.permissions
    effect = Effect.OPENS_TO_WRITE if writes else Effect.OPENS
    if grant.expires_at is None:
        return Step("grant", effect, _("A grant as “%(role)s”, until revoked.") % values, *where)
    return Step("grant", effect, _("A grant as “%(role)s” until %(day)s.") % values, *where)


def _day(grant: HeldGrant) -> str:
    if grant.expires_at is None:
        return ""
    return formats.date_format(timezone.localtime(grant.expires_at), "Y-m-d H:i")


def _of_administrator(facts: Facts, collection: Collection) -> list[Step]:
    if not facts.is_administrator or facts.by_role(collection.workspace_id):
        return []
    says = _(
        "Runs the installation. That alone reads no documents; a role that is taken is logged."
    )
    return [Step("administrator", Effect.SAYS, says)]


def _of_key(key: ApiKey | None, facts: Facts) -> list[Step]:
    if key is None:
        return []
    if key.revoked_at is not None:
        return [Step("key_revoked", Effect.SHUTS, _("The key was revoked."))]
    if not _is_valid(key, facts):
        return [Step("key_expired", Effect.SHUTS, _("The key has expired."))]
    granted = KEY_GRANTS[KeyScope(key.scope)]
    label = {"scope": KeyScope(key.scope).label}
    if Permission.DOCUMENT_READ not in granted:
        says = _("The key is for “%(scope)s”, which reads no documents.") % label
        return [Step("key_scope", Effect.SHUTS, says)]
    if Permission.DOCUMENT_WRITE not in granted:
        says = _("The key is for “%(scope)s”: it adds and removes nothing.") % label
        return [Step("key_scope", Effect.KEEPS_TO_READ, says)]
    says = _("The key is for “%(scope)s”; it does not narrow this.") % label
    return [Step("key_scope", Effect.SAYS, says)]
