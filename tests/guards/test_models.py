"""Every row belongs to a collection, a workspace or a person, or says why not."""

from django.apps import apps
from django.core.management import call_command

from apps.permissions.models import GuardedModel
from tests.guards.allowed import UNSCOPED
from tests.guards.code import stale, unlisted


def _own_models():
    return [model for model in apps.get_models() if model.__module__.startswith("apps.")]


def test_every_model_is_scoped_or_listed_with_a_reason():
    free = {model._meta.label for model in _own_models() if not issubclass(model, GuardedModel)}
    assert not unlisted(free, set(UNSCOPED))
    assert not stale(free, set(UNSCOPED))


def test_every_scoped_model_filters_and_writes_by_columns_of_its_own_table():
    for model in _own_models():
        if issubclass(model, GuardedModel):
            columns = {field.attname for field in model._meta.concrete_fields}
            assert {model.scope_path, model.write_column()} <= columns, model


def test_no_manager_of_a_scoped_model_starts_outside_the_scope():
    from apps.permissions.models import GuardedManager  # noqa: PLC0415 - beside its only use

    for model in _own_models():
        if issubclass(model, GuardedModel):
            assert all(isinstance(manager, GuardedManager) for manager in model._meta.managers)
            assert isinstance(model._base_manager, GuardedManager), model


def test_models_and_migrations_agree(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
