"""Verbs on groups. What a group grants is decided in ``workspaces``; a directory fills them later."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from apps.accounts.models import BY_HAND, Group, GroupMember, User
from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope, system_scope


@transaction.atomic
def create_group(*, name: str) -> Group:
    """Raises AppError CONFLICT with ``field`` when the name is taken."""
    current_scope().require(Permission.ADMINISTER)
    group = Group(name=name.strip())
    _save(group)
    events.record("group.created", group, name=group.name)
    return group


@transaction.atomic
def rename_group(*, group: Group, name: str) -> Group:
    current_scope().require(Permission.ADMINISTER)
    group.name = name.strip()
    _save(group)
    events.record("group.renamed", group, name=group.name)
    return group


@transaction.atomic
def need_second_factor(*, group: Group, is_needed: bool) -> Group:
    """Members without one set it up before their next request is answered."""
    current_scope().require(Permission.ADMINISTER)
    group.needs_second_factor = is_needed
    group.save(update_fields=["needs_second_factor"])
    events.record("group.second_factor", group, is_needed=is_needed)
    return group


def _save(group: Group) -> None:
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="name") from error


@transaction.atomic
def add_to_group(*, group: Group, users: Iterable[User]) -> None:
    current_scope().require(Permission.ADMINISTER)
    people = list(users)
    rows = [GroupMember(group=group, user=user, origin=BY_HAND) for user in people]
    GroupMember.objects.bulk_create(rows, ignore_conflicts=True)
    events.record("group.joined", group, people=[str(user) for user in people])


@transaction.atomic
def remove_from_group(*, group: Group, user: User) -> None:
    """Take back what was given by hand. Raises AppError CONFLICT with reason ``from_outside`` when
    an outside source alone put the person there: it would do so again."""
    current_scope().require(Permission.ADMINISTER)
    reasons = GroupMember.objects.filter(group=group, user=user)
    removed, _by_model = reasons.filter(origin=BY_HAND).delete()
    if not removed and reasons.exists():
        raise AppError(ErrorCode.CONFLICT, status=409, reason="from_outside")
    events.record("group.left", group, people=[str(user)])


@transaction.atomic
def delete_group(*, group: Group) -> None:
    """The group ends, and with it every role and grant that it held."""
    current_scope().require(Permission.ADMINISTER)
    events.record("group.deleted", group, name=group.name)
    with system_scope("delete a group: its roles and grants go with it"):
        group.delete()
