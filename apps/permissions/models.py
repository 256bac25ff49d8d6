"""The three kinds of row there are: of a collection, of a workspace, of one person.

Each manager adds one WHERE clause that is resolved when SQL is compiled, so a queryset built in a
module, a form field, a prefetch or another thread is filtered by whoever runs it, or refused.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, ClassVar, NoReturn, Self, TypeVar
from uuid import UUID

import django
from django.db import models, transaction

from apps.permissions.clause import GuardedBase, InScope, Kind, OfApplication
from apps.permissions.scope import (
    Scope,
    ScopeDenied,
    ScopeMissing,
    current_scope,
    system_scope,
)

__all__ = [
    "GuardedManager",
    "GuardedModel",
    "GuardedQuerySet",
    "InScope",
    "Kind",
    "OwnedModel",
    "ScopedModel",
    "WorkspaceModel",
]

M = TypeVar("M", bound="GuardedModel", covariant=True)  # noqa: PLC0105 - Django's own name for it


class GuardedQuerySet(models.QuerySet[M]):
    """Rows that the current scope may see.

    What was fetched is kept for the scope that fetched it: in another one the same queryset asks
    again. Writes in bulk touch only rows that may be written, whatever the read filter allows.
    """

    _fetched_in: Scope | None = None

    # --- reads ------------------------------------------------------------------------------------
    @property
    def _result_cache(self) -> list[Any] | None:
        """Django's cache of fetched rows, visible to the scope that filled it and to the system."""
        rows: list[Any] | None = self.__dict__.get("_result_cache")
        if rows is None:
            return None
        scope = _scope_or_none()
        is_ours = scope is not None and (scope is self._fetched_in or scope.is_system)
        return rows if is_ours else None

    @_result_cache.setter
    def _result_cache(self, rows: list[Any] | None) -> None:
        self.__dict__["_result_cache"] = rows
        self._fetched_in = None if rows is None else _scope_or_none()
        if rows is None:
            self._prefetch_done = False

    def __getstate__(self) -> dict[str, Any]:
        """A pickle holds the question, not the rows: whoever loads it asks with their own scope."""
        state = {**self.__dict__, "_result_cache": None, "_fetched_in": None}
        return {**state, "_prefetch_done": False, "_django_version": django.__version__}

    def _iterator(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        scope = current_scope()
        for row in super()._iterator(*args, **kwargs):  # type: ignore[misc]
            _still(scope)
            yield row

    async def aiterator(self, chunk_size: int = 2000) -> AsyncIterator[Any]:
        scope = current_scope()
        async for row in super().aiterator(chunk_size):
            _still(scope)
            yield row

    def raw(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refused: SQL that is written by hand has no clause."""
        msg = "raw SQL has no scope"
        raise TypeError(msg)

    extra = raw

    # --- writes -----------------------------------------------------------------------------------
    def _writable(self) -> Self:
        return self.filter(InScope(self.model.write_column(), self.model.write_kind))

    def update(self, **kwargs: Any) -> int:
        _check_moves(self.model, kwargs)
        return super(GuardedQuerySet, self._writable()).update(**kwargs)

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete what may be written, with everything that hangs on it: a child that the actor
        cannot see must not keep its parent, nor stay behind without one."""
        if current_scope().is_system:
            return super().delete()
        with transaction.atomic():
            pks = list(self._writable().values_list("pk", flat=True))
            with system_scope("cascade of a delete that was checked"):
                found = self.model._base_manager.filter(pk__in=pks)  # noqa: SLF001 - Django's name
                deleted: tuple[int, dict[str, int]] = found.delete()
        self._result_cache = None
        return deleted

    delete.alters_data = True  # type: ignore[attr-defined]

    def _raw_delete(self, using: str | None) -> int:
        if not current_scope().is_system:
            raise ScopeDenied(self.model.write_kind.permission)
        deleted: int = super()._raw_delete(using)
        return deleted

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        rows = list(objs)
        # An upsert would overwrite a row wherever it is stored.
        if kwargs.get("update_conflicts") and not current_scope().is_system:
            raise ScopeDenied(self.model.write_kind.permission)
        for row in rows:
            # Without an upsert an insert changes nothing that is stored: no look at each row.
            row.check_writable(is_insert=True)
        return super().bulk_create(rows, *args, **kwargs)

    def bulk_update(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> int:
        rows = list(objs)
        for row in rows:
            row.check_writable()
        return super().bulk_update(rows, *args, **kwargs)


def _scope_or_none() -> Scope | None:
    try:
        return current_scope()
    except ScopeMissing:
        return None


def _still(scope: Scope) -> None:
    if _scope_or_none() is not scope:
        msg = "this iterator was begun in another scope"
        raise ScopeMissing(msg)


def _check_moves(model: "type[GuardedModel]", values: dict[str, Any]) -> None:
    """Refuse an update() that moves rows to where this actor may not write."""
    column = model.write_column()
    for key in (column, column.removesuffix("_id")):
        if key in values and key != "id":
            moved = values[key]
            model.check_target(moved.pk if isinstance(moved, models.Model) else moved)
    # Where reads and writes go by different columns, only save() looks at both.
    read = {model.scope_path, model.scope_path.removesuffix("_id")} - {"id", column}
    if read & values.keys() and column != model.scope_path and not current_scope().is_system:
        raise ScopeDenied(model.write_kind.permission)


class GuardedManager(models.Manager[M]):
    """Starts every query inside the current scope."""

    def get_queryset(self) -> GuardedQuerySet[M]:
        rows: GuardedQuerySet[M] = GuardedQuerySet(self.model, using=self._db)
        rows = rows.filter(InScope(self.model.scope_path, self.model.read_kind))
        path = self.model.application_path
        return rows.filter(OfApplication(path)) if path else rows


class GuardedModel(models.Model, metaclass=GuardedBase):
    """Base of the three kinds.

    ``scope_path`` is the column that reads are filtered by, ``write_path`` the one that writes are
    (empty: the same); both are columns of this table, never a join. ``application_path``, where
    there is one, is the column of the application that a row was made through.
    """

    scope_path: ClassVar[str]
    write_path: ClassVar[str] = ""
    application_path: ClassVar[str] = ""
    read_kind: ClassVar[Kind]
    write_kind: ClassVar[Kind]

    objects: ClassVar[GuardedManager[Self]] = GuardedManager()

    class Meta:
        abstract = True
        # Closes the lazy foreign key, its prefetch, refresh_from_db and _base_manager.
        base_manager_name = "objects"
        default_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.check_writable(is_insert=bool(kwargs.get("force_insert")))
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self.check_writable()
        with system_scope("cascade of a delete that was checked"):
            return super().delete(*args, **kwargs)

    @classmethod
    def write_column(cls) -> str:
        return cls.write_path or cls.scope_path

    @classmethod
    def check_target(cls, value: object) -> None:
        """Raise ScopeDenied unless rows may be written where the write column equals ``value``."""
        scope = current_scope()
        if scope.is_system:
            return
        if _as_id(value) not in cls.write_kind.allowed(scope):
            raise ScopeDenied(cls.write_kind.permission)

    def check_writable(self, *, is_insert: bool = False) -> None:
        """Both where the row is stored now and where it is about to be."""
        if current_scope().is_system:
            return
        column = self.write_column()
        self.check_target(getattr(self, column))
        if is_insert:
            return
        rows = type(self)._base_manager.filter(pk=self.pk)  # noqa: SLF001 - Django's own name
        stored = rows.values_list(column, flat=True).first()
        # A new row is stored nowhere; one that says it is stored and is not was never ours.
        if stored is not None or not self._state.adding:
            self.check_target(stored)


def _as_id(value: object) -> UUID | None:
    """A computed value (F, Case, a subquery) is no id: it could turn out to be any."""
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        return None


class ScopedModel(GuardedModel):
    """A row that belongs to one collection: read where readable, written where writable."""

    scope_path = "collection_id"
    read_kind = Kind.READABLE
    write_kind = Kind.WRITABLE

    class Meta(GuardedModel.Meta):
        abstract = True


class WorkspaceModel(GuardedModel):
    """A row that belongs to one workspace: read by whoever uses it, written by its managers."""

    scope_path = "workspace_id"
    read_kind = Kind.WORKSPACES
    write_kind = Kind.MANAGED

    class Meta(GuardedModel.Meta):
        abstract = True


class OwnedModel(GuardedModel):
    """A row that belongs to one person."""

    scope_path = "owner_id"
    read_kind = Kind.OWN
    write_kind = Kind.OWN

    class Meta(GuardedModel.Meta):
        abstract = True
