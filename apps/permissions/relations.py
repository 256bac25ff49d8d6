"""Ways into guarded tables that would not bring the clause along; there should be none."""

from collections.abc import Iterator

from django.apps import apps
from django.db import models

from apps.permissions.clause import GuardedForeignKey, GuardedRel
from apps.permissions.models import GuardedModel


def open_joins() -> list[str]:
    """Relations that lead into a guarded model without its clause, as ``app.Model.field: why``."""
    return sorted(_found())


def _is_guarded(model: type[models.Model]) -> bool:
    return issubclass(model, GuardedModel)


def _found() -> Iterator[str]:
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_fields + model._meta.local_many_to_many:  # noqa: SLF001
            target = field.related_model
            if not isinstance(target, type) or not (_is_guarded(model) or _is_guarded(target)):
                continue
            name = f"{model._meta.label}.{field.name}"  # noqa: SLF001
            if isinstance(field, models.ManyToManyField):
                yield f"{name}: a table between two models has no scope; write it as a model"
            elif not _is_guarded(model):
                yield f"{name}: an unguarded model must not point at a guarded one"
            elif not _brings_the_clause(field):
                yield f"{name}: {type(field).__name__} does not bring the clause; use ForeignKey"


def _brings_the_clause(field: "models.Field[object, object]") -> bool:
    return isinstance(field, GuardedForeignKey) and isinstance(field.remote_field, GuardedRel)
