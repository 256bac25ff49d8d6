"""A second proof beside the password: who needs one, who has one, and which sessions gave one."""

from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Exists, OuterRef, QuerySet

from apps.accounts import nesting
from apps.accounts.models import Authenticator, Group, GroupMember, Nesting, Passkey, User
from apps.permissions.scope import Scope, entered

_GIVEN = "second_factor"


def people() -> QuerySet[User]:
    """People with what ``needs`` asks, in the one query that reads whoever is signed in."""
    reasons = GroupMember.objects.filter(user_id=OuterRef("pk"), group__needs_second_factor=True)
    nestings = Nesting.objects.filter(outer__needs_second_factor=True)
    return User.objects.annotate(is_in_strict=Exists(reasons), some_nest=Exists(nestings))


def needs(user: User) -> bool:
    """Whether a group that this person is in, itself or through others, wants a second factor."""
    if getattr(user, "is_in_strict", False):
        return True
    if not getattr(user, "some_nest", True):
        return False
    strict = Group.objects.filter(needs_second_factor=True)
    return strict.filter(pk__in=nesting.groups_of(user.pk)).exists()


def has_one(user: User) -> bool:
    """Whether this person could give one: an authenticator app or a passkey."""
    with entered(Scope(actor_id=user.pk)):
        return (
            Authenticator.objects.filter(owner=user).exists()
            or Passkey.objects.filter(owner=user).exists()
        )


def mark(session: SessionBase, by: str) -> None:
    """This session gave a second factor: ``totp``, ``passkey``, ``recovery``, or the name of a
    provider that is trusted to have asked for one."""
    session[_GIVEN] = by


def satisfied_by_session(session: SessionBase) -> bool:
    """Whether whoever is signed in here has given a second factor."""
    return bool(session.get(_GIVEN))


def is_missing(user: User, session: SessionBase) -> bool:
    """Whether this session may not use anything before a second factor was given."""
    return needs(user) and not satisfied_by_session(session)
