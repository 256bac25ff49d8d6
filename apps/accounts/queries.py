"""Reads of people and groups that are worth a name."""

from django.db.models import Count, Q, QuerySet

from apps.accounts.models import Group, User


def people(*, named: str = "") -> QuerySet[User]:
    """Everybody, active ones first; ``named`` keeps those whose name, e-mail or login has it."""
    rows = User.objects.filter(is_application=False).prefetch_related("kb_groups")
    rows = rows.order_by("-is_active", "name", "email")
    if named := named.strip():
        found = Q(name__icontains=named) | Q(email__icontains=named) | Q(login__icontains=named)
        rows = rows.filter(found)
    return rows


def person(email_or_login: str) -> User | None:
    """The active person of exactly this e-mail address or login name."""
    wanted = email_or_login.strip()
    if not wanted:
        return None
    named = Q(email__iexact=wanted) | Q(login__iexact=wanted)
    return User.objects.filter(named, is_active=True).first()


def groups() -> QuerySet[Group]:
    """Every group with the number of its members as ``size``."""
    return Group.objects.annotate(size=Count("members")).order_by("name")
