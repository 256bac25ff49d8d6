"""Reads of people and groups that are worth a name."""

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from apps.accounts.models import BY_HAND, CANARY_DOMAIN, Group, GroupMember, User


def people(*, named: str = "") -> QuerySet[User]:
    """Everybody, active ones first; ``named`` keeps those whose name, e-mail or login has it."""
    rows = User.objects.filter(is_application=False).order_by("-is_active", "name", "email")
    rows = rows.exclude(email__endswith=f"@{CANARY_DOMAIN}")
    rows = rows.prefetch_related(Prefetch("kb_groups", queryset=Group.objects.distinct()))
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
    return Group.objects.annotate(size=Count("members", distinct=True)).order_by("name")


def members_of(group: Group) -> QuerySet[User]:
    """Who is in a group, each person once, with ``is_by_hand`` and their reasons at ``reasons``."""
    reasons = GroupMember.objects.filter(group=group)
    by_hand = Exists(reasons.filter(user=OuterRef("pk"), origin=BY_HAND))
    return (
        User.objects.filter(pk__in=reasons.values("user"))
        .annotate(is_by_hand=by_hand)
        .prefetch_related(Prefetch("group_reasons", queryset=reasons, to_attr="reasons"))
        .order_by("name", "email")
    )
