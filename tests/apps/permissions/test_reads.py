"""Every form that a read can take, as the owner, as a viewer of one collection, as a stranger, and
with no scope at all."""

import pytest
from django.db.models import (
    Count,
)

from apps.documents.models import Document
from apps.permissions.scope import ScopeMissing
from tests.apps.permissions import read_forms_along
from tests.apps.permissions.read_forms import FORMS, docs, names
from tests.apps.permissions.world import ACTORS, SEEN, World, no_scope

assert read_forms_along  # imported for the forms that it adds


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("name", FORMS)
def test_a_read_lets_through_what_the_actor_may_read(name: str, actor: str, world: World) -> None:
    with world.as_(actor):
        try:
            seen = set(FORMS[name](world))
        except Document.DoesNotExist:  # earliest() of nothing
            seen = set()
    assert seen == SEEN[actor]


@pytest.mark.parametrize("name", FORMS)
def test_a_read_outside_any_scope_is_a_programming_error(name: str, world: World) -> None:
    with no_scope(), pytest.raises(ScopeMissing):
        list(FORMS[name](world))


@pytest.mark.parametrize("actor", ACTORS)
def test_sums_count_what_the_actor_may_read(actor: str, world: World) -> None:
    expected = len(SEEN[actor])
    with world.as_(actor):
        assert docs.count() == expected
        assert len(docs.all()) == expected
        assert docs.aggregate(n=Count("pk"))["n"] == expected
        assert docs.all().exists()
        assert docs.explain()


def test_a_half_drained_iterator_does_not_go_on_in_another_scope(world: World) -> None:
    with world.as_("owner"):
        rows = docs.iterator(chunk_size=1)
        next(rows)
    with world.as_("stranger"), pytest.raises(ScopeMissing):
        next(rows)


def test_what_a_person_fetched_stays_what_it_was_for_the_system(world: World) -> None:
    """A nested system block must not widen rows that were fetched for somebody."""
    from apps.permissions.scope import system_scope  # noqa: PLC0415 - only here

    with world.as_("viewer"):
        rows = docs.all()
        assert names(rows) == ["a.txt"]
        with system_scope("test: nested"):
            assert names(rows) == ["a.txt"]


def test_sql_by_hand_is_refused(world: World) -> None:
    with world.as_("owner"):
        with pytest.raises(TypeError):
            docs.raw("select * from documents_document")
        with pytest.raises(TypeError):
            docs.extra(where=["1=1"])
