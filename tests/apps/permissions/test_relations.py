"""Every table that belongs to somebody is guarded, and so is every join into it."""

import pytest
from django.db import models
from django.db.models import ForeignKey
from django.test.utils import isolate_apps

from apps.permissions import relations
from apps.permissions.clause import GuardedForeignKey
from apps.permissions.models import OwnedModel, ScopedModel
from apps.workspaces.models import Collection


def test_no_relation_leads_around_the_clause() -> None:
    assert relations.open_joins() == []


def test_migrations_see_an_ordinary_foreign_key() -> None:
    field = Collection._meta.get_field("workspace")
    assert isinstance(field, GuardedForeignKey)
    assert field.deconstruct()[1] == "django.db.models.ForeignKey"


@isolate_apps("tests.apps.permissions")
@pytest.mark.parametrize("kind", ["one to one", "many to many", "from outside"])
def test_a_relation_that_would_lead_around_it_is_found(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Note(OwnedModel):
        owner = ForeignKey("accounts.User", models.CASCADE, related_name="+")

        class Meta(OwnedModel.Meta):
            app_label = "permissions"

    found: list[type[models.Model]] = [Note]
    if kind == "one to one":

        class Seal(ScopedModel):
            collection = ForeignKey(Note, models.CASCADE, related_name="+")
            note = models.OneToOneField(Note, models.CASCADE, related_name="+")

            class Meta(ScopedModel.Meta):
                app_label = "permissions"

        found.append(Seal)
    elif kind == "many to many":

        class Tag(models.Model):  # noqa: DJ008 - never shown
            notes = models.ManyToManyField(Note, related_name="+")

            class Meta:
                app_label = "permissions"

        found.append(Tag)
    else:

        class Log(models.Model):  # noqa: DJ008 - never shown
            note = models.ForeignKey(Note, models.CASCADE, related_name="+")

            class Meta:
                app_label = "permissions"

        found.append(Log)
    monkeypatch.setattr(relations.apps, "get_models", lambda **_kwargs: found)
    assert len(relations.open_joins()) == 1
