"""How a collection cuts: tried without writing, applied document by document, taken back."""

import pytest

from apps.accounts.models import User
from apps.core.errors import AppError
from apps.documents import ingest, queries, services
from apps.documents.models import Chunk, Document, DocumentVersion, IngestRun
from apps.documents.passages import recutting
from apps.documents.passages import services as passages
from apps.documents.passages.models import CollectionRecipe
from apps.documents.passages.recipes import usual, wish, wish_of
from apps.documents.runs import parsed, upkeep
from apps.engines import factory
from apps.permissions.scope import ScopeDenied, system_scope
from apps.search.services import search
from apps.workspaces.models import Collection
from tests import factories
from tests.apps.documents.conftest import As, add
from tests.apps.documents.test_passages import chunks, texts, work_off

pytestmark = pytest.mark.usefixtures("db")

SENTENCE = "The pump of hall {n} is inspected twice a year by the maker of the pump itself. "
LONG = ("# Pumps\n\n" + "".join(SENTENCE.format(n=n) for n in range(40)) + "\n\n").encode()
TABLE = b"# Prices\n\n| Part | Price |\n|---|---|\n" + b"".join(
    b"| pump number %d of the hall | %d |\n" % (n, n) for n in range(45)
)
SMALL = wish(size=100, overlap=0, headings=True, parent=0)


@pytest.fixture
def manual(as_: As, alice: User, collection: Collection) -> Document:
    with as_(alice):
        added = add(collection, LONG + TABLE, "pumps.md")
    work_off()
    with system_scope("test: as it is now"):
        return Document.objects.get(pk=added.document.pk)


def everything() -> list[object]:
    """All that a preview could have written."""
    with system_scope("test: look everywhere"):
        return [
            list(Chunk.with_disabled.order_by("pk").values_list("pk", "text", "cut")),
            list(DocumentVersion.objects.values_list("pk", "cut", "chunk_count")),
            IngestRun.objects.count(),
            CollectionRecipe.objects.count(),
            factory.index().versions(),
        ]


def found(words: str, collection: Collection) -> list[str]:
    passed = search(question=words, collections=[collection.pk], log=False).passages
    return [passage.text for passage in passed]


# --- trying ---------------------------------------------------------------------------------------
def test_a_preview_shows_both_cuttings_and_writes_nothing(
    as_: As, alice: User, manual: Document
) -> None:
    before = everything()
    with as_(alice):
        seen = recutting.preview(document=manual, chosen=SMALL)
    assert everything() == before
    assert seen.old.count == len(texts(manual))
    assert [cut.text for cut in seen.old.first] == texts(manual)[: len(seen.old.first)]
    assert seen.new.count > seen.old.count
    assert seen.new.largest <= 100
    assert seen.old.largest > 100


def test_a_preview_tells_which_tables_are_cut_apart(as_: As, alice: User, manual: Document) -> None:
    with as_(alice):
        seen = recutting.preview(
            document=manual, chosen=wish(size=900, overlap=0, headings=True, parent=0)
        )
    assert (seen.old.tables, seen.old.split_tables, seen.new.split_tables) == (1, 1, 0)


def test_a_preview_tells_which_edits_would_no_longer_fit(
    as_: As, alice: User, manual: Document
) -> None:
    with as_(alice):
        passages.edit(document=manual, chunk_id=chunks(manual)[0].pk, text="Short.", number=0)
        seen = recutting.preview(document=manual, chosen=SMALL)
    assert (seen.old.unfit, seen.new.unfit) == (0, 1)


def test_the_cost_counts_what_would_be_embedded_and_measures_the_time(
    as_: As, alice: User, manual: Document, collection: Collection
) -> None:
    with as_(alice):
        cost = recutting.cost(collection=collection, chosen=SMALL)
        seen = recutting.preview(document=manual, chosen=SMALL)
        same = recutting.cost(collection=collection, chosen=usual())
    assert (cost.documents, cost.passages, cost.is_exact) == (1, seen.new.count, True)
    assert cost.passages_now == len(texts(manual))
    assert cost.seconds is not None
    assert (same.documents, same.passages) == (0, 0)


def test_text_that_an_earlier_reader_kept_is_shown_and_cut(
    as_: As, alice: User, manual: Document, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_(alice):
        before = recutting.cost(collection=collection, chosen=SMALL)
        monkeypatch.setattr(parsed, "READER_VERSION", parsed.READER_VERSION + 1)
        assert recutting.cost(collection=collection, chosen=SMALL).passages == before.passages
        assert recutting.preview(document=manual, chosen=SMALL).new.count == before.passages
        assert queries.blocks_of(manual.current)  # type: ignore[arg-type] # it is ready


# --- applying -------------------------------------------------------------------------------------
def test_applied_settings_cut_what_is_there_and_what_comes(
    as_: As, alice: User, manual: Document, collection: Collection
) -> None:
    with as_(alice):
        assert recutting.apply(collection=collection, chosen=SMALL) == 1
        assert recutting.progress(collection) == recutting.Progress(1, 0, 1)
    work_off()
    with as_(alice):
        assert recutting.progress(collection) == recutting.Progress(1, 1, 0)
        seen = recutting.preview(document=manual, chosen=SMALL)
        new = add(collection, LONG, "more.md")
    assert len(texts(manual)) == seen.new.count == factory.index().count(str(manual.current_id))
    work_off()
    assert len(texts(new.document)) > 5


def test_a_document_is_found_at_every_step_of_being_cut_anew(
    as_: As,
    alice: User,
    bob: User,
    manual: Document,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []

    def look() -> None:
        with as_(bob):
            seen.append(len(found("pump of hall inspected", collection)))

    with as_(alice):
        recutting.apply(collection=collection, chosen=SMALL)
    with system_scope("test: the workers, step by step"):
        run = IngestRun.objects.get(state=IngestRun.State.QUEUED)
        ingest.parse(run.pk)
        look()
        add_to_index = type(factory.fakes().index).add

        def around(self: object, versions: object) -> None:
            look()
            add_to_index(self, versions)  # type: ignore[arg-type]
            look()

        monkeypatch.setattr(type(factory.fakes().index), "add", around)
        ingest.embed(run.pk)
    look()
    assert len(seen) == 4
    assert all(seen)
    with system_scope("test: nothing of the old cutting is left"):
        assert set(Chunk.with_disabled.values_list("cut", flat=True)) == {SMALL.cut}


def test_going_back_while_it_is_under_way_leaves_the_others_as_they_are(
    as_: As, alice: User, manual: Document, collection: Collection
) -> None:
    with as_(alice):
        other = add(collection, LONG.replace(b"pump", b"lift"), "lifts.md")
    work_off()
    before = {pk: texts(one) for pk, one in (("m", manual), ("o", other.document))}
    ids = [chunk.pk for chunk in chunks(manual)]
    with as_(alice):
        recutting.apply(collection=collection, chosen=SMALL)
    with system_scope("test: one of two is done"):
        run = IngestRun.objects.get(document=manual, state=IngestRun.State.QUEUED)
        ingest.parse(run.pk)
        ingest.embed(run.pk)
    assert texts(manual) != before["m"]
    with as_(alice):
        assert recutting.undo(collection=collection) == 1
        assert wish_of(collection.pk) == usual()
    work_off()
    assert {"m": texts(manual), "o": texts(other.document)} == before
    assert [chunk.pk for chunk in chunks(manual)] == ids, "old citations point at them"


def test_settings_that_change_while_a_document_is_embedded_are_followed(
    as_: As, alice: User, manual: Document, collection: Collection
) -> None:
    last = wish(size=200, overlap=0, headings=True, parent=0)
    with as_(alice):
        recutting.apply(collection=collection, chosen=SMALL)
    with system_scope("test: it is read, not embedded"):
        ingest.parse(IngestRun.objects.get(state=IngestRun.State.QUEUED).pk)
    with as_(alice):
        recutting.apply(collection=collection, chosen=last)
    work_off()
    work_off()
    with as_(alice):
        assert recutting.progress(collection) == recutting.Progress(1, 1, 0)
        assert {chunk.cut for chunk in chunks(manual)} == {last.cut}
        assert found("pump of hall", collection)


def test_a_newer_version_that_comes_first_ends_the_cutting_of_the_old_one(
    as_: As, alice: User, manual: Document, collection: Collection
) -> None:
    with as_(alice):
        recutting.apply(collection=collection, chosen=SMALL)
        new = add(collection, LONG.replace(b"pump", b"lift"), "pumps.md", on_existing="version")
    with system_scope("test: the old one is read, the new one overtakes it"):
        old = IngestRun.objects.get(cause=IngestRun.Cause.RECIPE)
        ingest.parse(old.pk)
        ingest.parse(new.run.pk)
        ingest.embed(new.run.pk)
        ingest.embed(old.pk)
        old.refresh_from_db()
        assert old.state == IngestRun.State.CANCELLED
        left = Chunk.with_disabled.filter(version=manual.current_id)
        assert set(left.values_list("cut", flat=True)) == {usual().cut}
    assert {chunk.version_id for chunk in chunks(manual)} == {new.version.pk}
    with as_(alice):
        assert all("lift" in text for text in found("lift of hall", collection)[:3])


def test_edits_survive_settings_under_which_their_text_is_the_same(
    as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        added = add(collection, b"# A\n\nShort and sweet.\n\n" + LONG, "mixed.md")
    work_off()
    with as_(alice):
        passages.edit(
            document=added.document, chunk_id=chunks(added.document)[0].pk, text="Edited.", number=0
        )
        recutting.apply(collection=collection, chosen=SMALL)
    work_off()
    assert texts(added.document)[0] == "Edited."


def test_a_viewer_a_contributor_and_a_stranger_apply_nothing(
    as_: As, bob: User, dora: User, carol: User, manual: Document, collection: Collection
) -> None:
    for person in (bob, dora):
        with as_(person), pytest.raises(ScopeDenied):
            recutting.apply(collection=collection, chosen=SMALL)
    with as_(carol), pytest.raises(ScopeDenied):
        recutting.apply(collection=collection, chosen=SMALL)


@pytest.mark.parametrize(
    "values",
    [
        {"size": 10},
        {"size": 100_000},
        {"size": 100, "overlap": 51},
        {"size": 100, "parent": 100},
        {"size": 100, "parent": 5000},
    ],
)
def test_settings_beyond_their_limits_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(AppError):
        wish(**{"overlap": 0, "headings": True, "parent": 0, **values})  # type: ignore[arg-type]


def test_a_lost_message_does_not_lose_a_document(
    as_: As, alice: User, manual: Document, collection: Collection
) -> None:
    with as_(alice):
        recutting.apply(collection=collection, chosen=SMALL)
    with system_scope("test: the sweeper"):
        upkeep.sweep()
    work_off()
    assert {chunk.cut for chunk in chunks(manual)} == {SMALL.cut}
    with as_(alice):
        services.retry(document=manual)
    work_off()
    assert {chunk.cut for chunk in chunks(manual)} == {SMALL.cut}


# --- parent passages ------------------------------------------------------------------------------
def test_a_found_passage_is_given_with_its_neighbours_and_found_as_itself(
    as_: As, alice: User, bob: User, manual: Document, collection: Collection
) -> None:
    with as_(alice):
        recutting.apply(
            collection=collection, chosen=wish(size=100, overlap=0, headings=True, parent=300)
        )
    work_off()
    with as_(bob):
        best = search(
            question="pump of hall 20", collections=[collection.pk], log=False, limit=1
        ).passages[0]
    assert best.text in texts(manual)
    assert best.text in best.around
    assert len(best.around) > 2 * len(best.text)


def test_a_disabled_neighbour_is_not_given(
    as_: As, alice: User, bob: User, manual: Document, collection: Collection
) -> None:
    with as_(alice):
        recutting.apply(
            collection=collection, chosen=wish(size=100, overlap=0, headings=True, parent=4000)
        )
    work_off()
    with as_(alice):
        passages.enable(document=manual, chunk_id=chunks(manual)[1].pk, is_enabled=False, number=0)
    with as_(bob):
        wide = search(question="pump of hall 39", collections=[collection.pk], log=False, limit=1)
    assert wide.passages[0].around
    assert chunks(manual)[1].text not in wide.passages[0].around


def test_parents_alone_cut_nothing_anew(
    as_: As, alice: User, manual: Document, collection: Collection
) -> None:
    chosen = wish(size=320, overlap=0, headings=True, parent=900)
    with as_(alice):
        assert recutting.cost(collection=collection, chosen=chosen).passages == 0
        assert recutting.apply(collection=collection, chosen=chosen) == 0
        assert found("pump", collection)


def test_other_collections_are_untouched_and_strangers_see_no_settings(
    as_: As, alice: User, carol: User, manual: Document, collection: Collection
) -> None:
    other = factories.make_document(factories.make_collection(collection.workspace), "other.txt")
    with as_(alice):
        recutting.apply(collection=collection, chosen=SMALL)
    work_off()
    assert {chunk.cut for chunk in chunks(other)} == {""}
    with as_(carol):
        assert not CollectionRecipe.objects.exists()
