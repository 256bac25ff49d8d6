"""The clause: ``column IN (what the scope holds)``, resolved when SQL is compiled.

It stands in the WHERE of every query that starts at a guarded model, and in the ON of every join
that arrives at one, so that no query form slips past it and no root leads around it.
"""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F
from django.db.models.base import ModelBase
from django.db.models.fields.related import ForeignKey, ManyToOneRel
from django.db.models.sql.compiler import SQLCompiler

from apps.permissions.roles import Permission
from apps.permissions.scope import Scope, current_scope

if TYPE_CHECKING:
    from apps.permissions.models import GuardedModel


class Kind(Enum):
    """Which set of the scope a clause compares its column with."""

    READABLE = "readable collections"
    WRITABLE = "writable collections"
    WORKSPACES = "usable workspaces"
    MANAGED = "managed workspaces"
    MEMBERS = "workspaces whose members are managed"
    COLLECTIONS = "workspaces whose collections are managed"
    OWN = "own rows"

    def allowed(self, scope: Scope) -> list[UUID]:
        match self:
            case Kind.READABLE:
                return list(scope.readable)
            case Kind.WRITABLE:
                return list(scope.writable)
            case Kind.WORKSPACES:
                return list(scope.workspaces)
            case Kind.MANAGED | Kind.MEMBERS | Kind.COLLECTIONS:
                return [pk for pk, held in scope.workspaces.items() if self.permission in held]
            case Kind.OWN:
                return [scope.actor_id] if scope.actor_id else []

    @property
    def permission(self) -> Permission:
        """What somebody lacks whom a write of this kind is refused."""
        return _WANTED.get(self, Permission.DOCUMENT_WRITE)


_WANTED = {
    Kind.WORKSPACES: Permission.WORKSPACE_MANAGE,
    Kind.MANAGED: Permission.WORKSPACE_MANAGE,
    Kind.MEMBERS: Permission.MEMBER_MANAGE,
    Kind.COLLECTIONS: Permission.COLLECTION_MANAGE,
}


class InScope(Expression):
    """``column IN (ids of the scope)`` as a condition of WHERE."""

    conditional = True
    output_field = models.BooleanField()

    def __init__(self, column: Any, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self.column: Any = F(column) if isinstance(column, str) else column

    def get_source_expressions(self) -> list[Any]:
        return [self.column]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        (self.column,) = exprs

    def as_sql(
        self,
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
        **extra_context: Any,
    ) -> tuple[str, tuple[Any, ...]]:
        scope = current_scope()  # raises ScopeMissing outside any scope
        if scope.is_system:
            raise FullResultSet
        ids = self.kind.allowed(scope)
        if not ids:
            raise EmptyResultSet
        sql, params = compiler.compile(self.column)
        field = models.UUIDField()
        values = [field.get_db_prep_value(pk, connection) for pk in ids]
        return f"{sql} IN ({', '.join(['%s'] * len(values))})", (*params, *values)


class OfApplication(InScope):
    """``column = the application that asks``: of what a person owns, an application sees only what
    it began itself. Whoever comes without one sees all that is theirs."""

    def __init__(self, column: Any) -> None:
        super().__init__(column, Kind.OWN)

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        asking = current_scope().application_id
        if asking is None:
            raise FullResultSet
        sql, params = compiler.compile(self.column)
        value = models.UUIDField().get_db_prep_value(asking, connection)
        return f"{sql} = %s", (*params, value)


class JoinInScope(InScope):
    """The same as a condition of ON, where "always" and "never" have to be spelled out: a LEFT JOIN
    that finds nothing still returns its left side."""

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        try:
            return super().as_sql(compiler, connection, **extra_context)
        except FullResultSet:
            return "1 = 1", ()
        except EmptyResultSet:
            return "1 = 0", ()


def _on(model: type[models.Model], alias: str | None) -> JoinInScope | None:
    """What a join that arrives at ``model`` under ``alias`` has to fulfil."""
    path = getattr(model, "scope_path", None)
    if path is None or alias is None:
        return None
    guarded: type[GuardedModel] = model  # type: ignore[assignment]
    column = guarded._meta.get_field(path.removesuffix("_id")).get_col(alias)  # type: ignore[union-attr] # noqa: SLF001
    return JoinInScope(column, guarded.read_kind)


class GuardedRel(ManyToOneRel):
    """A guarded foreign key walked backwards: the join arrives at the rows that hold the key."""

    def get_extra_restriction(self, alias: str, related_alias: str) -> Any:
        return _on(self.related_model, alias)


class GuardedForeignKey(ForeignKey[Any, Any]):
    """A foreign key of a guarded model. ``GuardedBase`` makes every ForeignKey into one."""

    def get_extra_restriction(self, alias: str | None, related_alias: str) -> Any:
        # Django trims the far table from a subquery of exclude() and says so with None: then the
        # subquery starts at the table that holds the key.
        if alias is None:
            return _on(self.model, related_alias)
        return _on(self.remote_field.model, alias)

    def deconstruct(self) -> Any:
        """To a migration it is an ordinary foreign key."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs


class GuardedBase(ModelBase):
    """Gives the clause to the foreign keys of a guarded model, so that none can be forgotten."""

    def __new__(cls, name: str, bases: Any, attrs: dict[str, Any], **kwargs: Any) -> Any:
        for field in attrs.values():
            if type(field) is ForeignKey:
                field.__class__ = GuardedForeignKey
                field.remote_field.__class__ = GuardedRel
        return super().__new__(cls, name, bases, attrs, **kwargs)
