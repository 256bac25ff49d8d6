"""A SCIM filter as a query: what it names is a column, so that it is as fast as the database."""

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.dateparse import parse_datetime
from scim2_models import InvalidFilterException, Resource, ScimFilter
from scim2_models.path import (
    AttrPath,
    Comparison,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from apps.core.ids import as_uuid

_DEEPEST, _LONGEST = 20, 1000
_TEXT = {"eq": "iexact", "co": "icontains", "sw": "istartswith", "ew": "iendswith"}
_EXACT = {"eq": "exact", "co": "contains", "sw": "startswith", "ew": "endswith"}
_TIMES = {"eq": "exact", "gt": "gt", "ge": "gte", "lt": "lt", "le": "lte"}
# Entra writes the attribute behind the brackets, which the RFC allows in a path only.
_BEHIND = re.compile(r"\b(\w+)\[([^\]]*)\]\.(\w+)\s+(\w+)\s+(\"(?:[^\"\\]|\\.)*\")", re.IGNORECASE)

USERS = {
    "id": "pk",
    "username": "user_name",
    "externalid": "external_id",
    "displayname": "display_name",
    "name.formatted": "said__name__formatted",
    "name.familyname": "said__name__familyName",
    "name.givenname": "said__name__givenName",
    "emails": "email",
    "emails.value": "email",
    "active": "is_active",
    "groups": "groups__pk",
    "groups.value": "groups__pk",
    "meta.created": "created_at",
    "meta.lastmodified": "updated_at",
}
GROUPS = {
    "id": "pk",
    "displayname": "name",
    "externalid": "external_id",
    "members": "people__pk",
    "members.value": "people__pk",
    "meta.created": "created_at",
    "meta.lastmodified": "updated_at",
}


def is_text(text: str) -> bool:
    """Whether the database can hold it: no half of a sign, and no NUL, as it is or as JSON has it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text and "\\u0000" not in text


def query_of(text: str, model: type[Resource[Any]], columns: Mapping[str, str]) -> Q:
    """What a filter asks for. Raises SCIMException (invalidFilter) when it is none, or names what
    cannot be searched by."""
    if len(text) > _LONGEST or not is_text(text):
        raise InvalidFilterException(detail="This filter is too long, or no text.")
    written = _BEHIND.sub(r"\1[\2 and \3 \4 \5]", text)
    return _Query(columns).visit(ScimFilter[model](written).ast)  # type: ignore[valid-type]


class _Query(FilterVisitor[Q]):
    def __init__(self, columns: Mapping[str, str], above: str = "", depth: int = 0) -> None:
        self._columns, self._above, self._depth = columns, above, depth

    def _column(self, path: AttrPath) -> str:
        name = f"{path.attr}.{path.sub_attr}" if path.sub_attr else path.attr
        column = self._columns.get(f"{self._above}{name}".lower())
        if column is None:
            raise InvalidFilterException(detail=f"Nothing is searched by {name[:60]}.")
        return column

    def visit_comparison(self, node: Comparison) -> Q:
        # The kind of an address is not kept apart: each person has one.
        if self._above == "emails." and node.attr_path.attr.lower() in {"type", "primary"}:
            return Q()
        column, operator = self._column(node.attr_path), str(node.op)
        if operator == "ne":
            return ~_compared(column, "eq", node.value)
        return _compared(column, operator, node.value)

    def visit_present(self, node: Present) -> Q:
        column = self._column(node.attr_path)
        if column in {"pk", "is_active", "created_at", "updated_at"} or column.endswith("__pk"):
            return Q(**{f"{column}__isnull": False})
        return ~Q(**{column: ""}) & Q(**{f"{column}__isnull": False})

    def visit_not(self, node: Not) -> Q:
        return ~self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> Q:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise InvalidFilterException(detail="This filter is nested too deeply.")
        found = [self.visit(term) for term in node.terms]
        whole = found[0]
        for each in found[1:]:
            whole = whole & each if node.op == LogicalOperator.and_ else whole | each
        return whole

    def visit_value_path(self, node: ValuePath) -> Q:
        above = f"{node.attr_path.attr.lower()}."
        return _Query(self._columns, above, self._depth).visit(node.val_filter)


def _compared(column: str, operator: str, value: object) -> Q:
    if not is_text(str(value)):
        raise InvalidFilterException(detail="A value holds what no text can hold.")
    if column == "is_active":
        if operator != "eq":
            raise InvalidFilterException
        return Q(is_active=str(value).lower() == "true")
    if column.endswith("pk"):
        return _named(column, operator, str(value))
    if column.endswith("_at"):
        return _timed(column, operator, str(value))
    if value is None or value == "":
        return Q(**{column: ""}) | Q(**{f"{column}__isnull": True})
    lookup = (_EXACT if column == "external_id" else _TEXT).get(operator)
    if lookup is None:
        raise InvalidFilterException(detail=f"{operator} is for times only.")
    return Q(**{f"{column}__{lookup}": str(value)})


def _named(column: str, operator: str, value: str) -> Q:
    number = as_uuid(value)
    if operator != "eq":
        raise InvalidFilterException(detail="Ids are compared by eq only.")
    return Q(**{column: number}) if number else Q(pk__in=[])


def _timed(column: str, operator: str, value: str) -> Q:
    lookup = _TIMES.get(operator)
    try:
        when = parse_datetime(value)
        if when is not None and when.tzinfo is not None:
            when = when.astimezone(UTC)  # the database asks for it: some times are none there
    except (ValueError, OverflowError, ValidationError):
        when = None
    if lookup is None or when is None or when.tzinfo is None:
        raise InvalidFilterException(detail="Times are written as 2026-01-31T12:00:00Z.")
    return Q(**{f"{column}__{lookup}": when})
