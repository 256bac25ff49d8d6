"""What was used, for administrators: sums by person, group, workspace, application, model or day."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _

from apps.accounts.models import Group, GroupMember, User
from apps.accounts.nesting import groups_within
from apps.applications.models import Application
from apps.gateway.models import UsageDay
from apps.permissions.scope import system_scope
from apps.workspaces.models import Workspace

BY = ("person", "group", "workspace", "application", "model", "day")
_COLUMN = {
    "person": "person_id",
    "workspace": "workspace_id",
    "application": "application_id",
    "model": "model",
    "day": "day",
}
SUMS = ("requests", "failed", "prompt_tokens", "completion_tokens", "cost")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the accounts."""

    name: str
    requests: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)
    first_token_ms: int | None = None


def lines(by: str, *, since: date, until: date) -> list[Line]:
    """Sums from ``since`` to ``until``, both included, the most tokens first (days: the newest).
    Somebody in two groups is counted in each: the lines of groups add up to more than was used."""
    rows = UsageDay.objects.filter(day__gte=since, day__lte=until)
    if by == "group":
        return _by_group(rows)
    column = _COLUMN[by]
    found = {row[column]: row for row in _summed(rows.order_by().values(column))}
    named = _names(by, found)
    made = [_line(named.get(key, str(key)), row) for key, row in found.items()]
    if by == "day":
        return sorted(made, key=lambda line: line.name, reverse=True)
    return sorted(made, key=lambda line: -(line.prompt_tokens + line.completion_tokens))


def _summed(rows: QuerySet[UsageDay, Any]) -> Iterable[dict[str, Any]]:
    sums = {name: Sum(name) for name in SUMS}
    return rows.annotate(**sums, waited=Sum("first_token_ms"))


def _line(name: str, row: Mapping[str, Any]) -> Line:
    answered = row["requests"] - row["failed"]
    first = round(row["waited"] / answered) if answered > 0 else None
    sums: dict[str, Any] = {column: row[column] or 0 for column in SUMS}
    return Line(name, **sums, first_token_ms=first)


def _by_group(rows: QuerySet[UsageDay]) -> list[Line]:
    of_person = {row["person_id"]: row for row in _summed(rows.order_by().values("person_id"))}
    made = []
    for group in Group.objects.all():
        inside = GroupMember.objects.filter(group_id__in=groups_within([group.pk]))
        people = set(inside.values_list("user_id", flat=True)) & of_person.keys()
        total: dict[str, Any] = defaultdict(int)
        for person in people:
            for column in (*SUMS, "waited"):
                total[column] += of_person[person][column] or 0
        if people:
            made.append(_line(group.name, total))
    return sorted(made, key=lambda line: -(line.prompt_tokens + line.completion_tokens))


def _names(by: str, keys: Mapping[Any, Any]) -> dict[Any, str]:
    """Names of ids; of what is gone, and of nobody, what there is to say."""
    none = {key: _("none") for key in keys if not getattr(key, "int", 1)}
    match by:
        case "person":
            rows: Iterable[Any] = User.objects.filter(pk__in=keys)
        case "application":
            rows = Application.objects.filter(pk__in=keys)
        case "workspace":
            with system_scope("accounts of models: names of workspaces for an administrator"):
                rows = list(Workspace.objects.filter(pk__in=keys))
        case "day":
            return {key: key.isoformat() for key in keys}
        case _:
            return {}
    return none | {row.pk: str(row) for row in rows}
