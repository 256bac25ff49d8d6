"""What people make of passages: edited, disabled, added, taken back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.core.errors import AppError, ErrorCode
from apps.documents import ingest
from apps.documents.models import Chunk, Document, IngestRun
from apps.documents.passages import services as passages
from apps.documents.passages.models import PassageChange, PassageEdit
from apps.engines import factory
from apps.engines.adapters.fake import HashEmbedder
from apps.permissions.scope import ScopeDenied, entered, system_scope
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.documents.conftest import As
from tests.apps.documents.manual import chunks, found, texts, work_off
from tests.apps.documents.runs import lapse, worked_off

pytestmark = pytest.mark.usefixtures("db")


# --- editing --------------------------------------------------------------------------------------
def test_an_edited_passage_is_found_by_its_new_words_and_not_by_the_old(
    as_: As, dora: User, bob: User, manual: Document, collection: Collection
) -> None:
    notice = chunks(manual)[0]
    with as_(dora):
        passages.edit(
            document=manual, chunk_id=notice.pk, text="Sixty working days suffice.", number=0
        )
    work_off()
    with as_(bob):
        assert found("sixty working suffice", collection)[0] == "Sixty working days suffice."
        assert not any("ninety" in text for text in found("ninety notice period", collection))
    assert len(factory.fakes().index.embedded(str(manual.current_id))) == 3


def test_what_was_read_is_kept_so_that_going_back_is_exact(
    as_: As, dora: User, manual: Document
) -> None:
    before = texts(manual)
    chunk = chunks(manual)[0]
    with as_(dora):
        passages.edit(document=manual, chunk_id=chunk.pk, text="Something else.", number=0)
        assert chunks(manual)[0].origin == before[0]
        passages.revert(document=manual, chunk_id=chunk.pk, number=1)
    assert texts(manual) == before
    assert [row.origin for row in chunks(manual)] == ["", "", ""]


def test_history_says_who_and_what_before_and_after_and_any_step_can_be_gone_back_to(
    as_: As, dora: User, manual: Document
) -> None:
    chunk = chunks(manual)[0]
    with as_(dora):
        passages.edit(document=manual, chunk_id=chunk.pk, text="First.", number=0)
        made = passages.edit(document=manual, chunk_id=chunk.pk, text="Second.", number=1)
        steps = list(made.changes.order_by("number").values_list("before", "after", "by"))
        assert steps == [(chunk.text, "First.", "dora"), ("First.", "Second.", "dora")]
        passages.revert(document=manual, chunk_id=chunk.pk, number=2, to=1)
    assert texts(manual)[0] == "First."


def test_of_two_who_edit_at_once_the_later_one_is_told_what_the_other_wrote(
    as_: As, alice: User, dora: User, manual: Document
) -> None:
    chunk = chunks(manual)[0]
    with as_(alice):
        passages.edit(document=manual, chunk_id=chunk.pk, text="Hers.", number=0)
    with as_(dora), pytest.raises(AppError) as refused:
        passages.edit(document=manual, chunk_id=chunk.pk, text="Mine.", number=0)
    assert (refused.value.code, refused.value.status) == (ErrorCode.PASSAGE_CHANGED, 409)
    assert refused.value.details["text"] == "Hers."
    assert refused.value.details["by"] == "alice"
    assert texts(manual)[0] == "Hers."


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_edit_at_the_same_moment_one_wins_and_seven_are_told(
    as_: As, dora: User, manual: Document
) -> None:
    chunk = chunks(manual)[0]
    scope = scope_of(dora)

    def one_of_them(n: int) -> str:
        try:
            with entered(scope):
                passages.edit(document=manual, chunk_id=chunk.pk, text=f"Text {n}.", number=0)
        except AppError as refused:
            return str(refused.details["text"])
        else:
            return ""
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(one_of_them, range(8)))
    assert told.count("") == 1
    assert set(told) - {""} == {texts(manual)[0]}
    with as_(dora):
        assert PassageChange.objects.count() == 1


@pytest.mark.parametrize("text", ["", " \n\t", "\x00"])
def test_an_empty_text_is_refused(as_: As, dora: User, manual: Document, text: str) -> None:
    with as_(dora), pytest.raises(AppError) as refused:
        passages.edit(document=manual, chunk_id=chunks(manual)[0].pk, text=text, number=0)
    assert refused.value.code == ErrorCode.PASSAGE_EMPTY


def test_a_text_that_would_not_be_embedded_whole_is_refused(
    as_: As, dora: User, manual: Document
) -> None:
    with as_(dora), pytest.raises(AppError) as refused:
        passages.edit(document=manual, chunk_id=chunks(manual)[0].pk, text="long " * 600, number=0)
    assert refused.value.code == ErrorCode.PASSAGE_TOO_LONG


def test_a_viewer_changes_nothing_and_a_stranger_sees_nothing(
    as_: As, bob: User, carol: User, manual: Document
) -> None:
    chunk = chunks(manual)[0]
    verbs: list[Callable[[], Any]] = [
        lambda: passages.edit(document=manual, chunk_id=chunk.pk, text="No.", number=0),
        lambda: passages.enable(document=manual, chunk_id=chunk.pk, is_enabled=False, number=0),
        lambda: passages.add(document=manual, after=None, text="No."),
        lambda: passages.revert(document=manual, chunk_id=chunk.pk, number=0),
    ]
    for person in (bob, carol):
        for verb in verbs:
            with as_(person), pytest.raises(ScopeDenied):
                verb()
    with as_(carol):
        assert not PassageEdit.objects.exists()
        assert not PassageChange.objects.exists()


def test_only_what_changed_is_embedded_again(
    as_: As, dora: User, manual: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    embed = HashEmbedder.embed_passages

    def noted(self: HashEmbedder, texts: list[str]) -> list[list[float]]:
        asked.extend(texts)
        return embed(self, texts)

    with as_(dora):
        passages.edit(
            document=manual, chunk_id=chunks(manual)[2].pk, text="Paid at once.", number=0
        )
    with monkeypatch.context() as counting:
        counting.setattr(HashEmbedder, "embed_passages", noted)
        work_off()
    assert asked == ["Payment\nPaid at once."]


def test_killed_in_the_middle_the_edit_still_gets_into_the_index(
    as_: As,
    dora: User,
    bob: User,
    manual: Document,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Killed(BaseException):
        pass

    def die(*_args: object) -> None:
        raise Killed

    with as_(dora):
        passages.edit(document=manual, chunk_id=chunks(manual)[0].pk, text="Zebra.", number=0)
    with system_scope("test: a worker"):
        run = IngestRun.objects.get(state=IngestRun.State.QUEUED)
        with monkeypatch.context() as broken:
            broken.setattr(type(factory.fakes().index), "add", die)
            with pytest.raises(Killed):
                ingest.embed(run.pk)
        lapse(run.pk)
        worked_off(run)
        run.refresh_from_db()
    assert run.state == IngestRun.State.DONE
    with as_(bob):
        assert "Zebra." in found("zebra", collection)


def test_an_edit_made_while_another_is_embedded_is_not_lost(
    as_: As,
    dora: User,
    bob: User,
    manual: Document,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    sent_jobs: list[tuple[str, dict[str, Any]]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    first, second, _ = chunks(manual)
    add_to_index = type(factory.fakes().index).add

    def meanwhile(self: Any, versions: Any) -> None:
        with as_(dora):
            if texts(manual)[1] != "Giraffe.":
                passages.edit(document=manual, chunk_id=second.pk, text="Giraffe.", number=0)
        add_to_index(self, versions)

    with as_(dora):
        passages.edit(document=manual, chunk_id=first.pk, text="Zebra.", number=0)
    with system_scope("test: a worker"), monkeypatch.context() as patched:
        run = IngestRun.objects.get(state=IngestRun.State.QUEUED)
        patched.setattr(type(factory.fakes().index), "add", meanwhile)
        sent_jobs.clear()
        with django_capture_on_commit_callbacks(execute=True):
            ingest.embed(run.pk)
        waiting = IngestRun.objects.get(state=IngestRun.State.QUEUED)
        assert ("documents.embed", {"run_id": str(waiting.pk)}) in sent_jobs
    work_off()
    with as_(bob):
        assert "Giraffe." in found("giraffe", collection)
        assert "Zebra." in found("zebra", collection)


# --- disabling ------------------------------------------------------------------------------------
def test_a_disabled_passage_leaves_search_before_the_index_knows(
    as_: As, dora: User, bob: User, manual: Document, collection: Collection
) -> None:
    chunk = chunks(manual)[0]
    with as_(dora):
        passages.enable(document=manual, chunk_id=chunk.pk, is_enabled=False, number=0)
    assert factory.index().count(str(manual.current_id)) == 3
    with as_(bob):
        assert chunk.text not in found("notice period ninety days", collection)
        assert not Chunk.objects.filter(pk=chunk.pk).exists()
        assert Document.objects.get(pk=manual.pk).current.chunk_count == 2
    work_off()
    assert factory.index().count(str(manual.current_id)) == 2
    with as_(dora):
        passages.enable(document=manual, chunk_id=chunk.pk, is_enabled=True, number=1)
    work_off()
    with as_(bob):
        assert found("notice period ninety days", collection)[0] == chunk.text


def test_a_document_all_of_whose_passages_are_disabled_stays_a_document(
    as_: As, dora: User, manual: Document, collection: Collection
) -> None:
    with as_(dora):
        for chunk in chunks(manual):
            passages.enable(document=manual, chunk_id=chunk.pk, is_enabled=False, number=0)
    work_off()
    with as_(dora):
        assert found("notice period", collection) == []
        assert Document.objects.get(pk=manual.pk).current_id == manual.current_id
        states = set(IngestRun.objects.values_list("state", flat=True))
    assert states == {IngestRun.State.DONE}


# --- adding ---------------------------------------------------------------------------------------
def test_an_added_passage_has_its_place_and_is_found(
    as_: As, dora: User, bob: User, manual: Document, collection: Collection
) -> None:
    first = chunks(manual)[0]
    with as_(dora):
        passages.add(document=manual, after=first.pk, text="Weekends count as well.")
        passages.add(document=manual, after=first.pk, text="Holidays do not.")
        passages.add(document=manual, after=chunks(manual)[1].pk, text="Nor do strikes.")
        passages.add(document=manual, after=None, text="Read this first.")
    work_off()
    assert texts(manual)[:5] == [
        "Read this first.",
        first.text,
        "Holidays do not.",
        "Nor do strikes.",
        "Weekends count as well.",
    ]
    assert [chunk.ordinal for chunk in chunks(manual)] == list(range(7))
    with as_(bob):
        assert "Weekends count as well." in found("weekends count", collection)


def test_an_added_passage_can_be_taken_away_again(
    as_: As, dora: User, manual: Document, collection: Collection
) -> None:
    before = texts(manual)
    with as_(dora):
        passages.add(document=manual, after=None, text="Giraffe.")
        passages.revert(document=manual, chunk_id=chunks(manual)[0].pk, number=1)
    work_off()
    assert texts(manual) == before
    with as_(dora):
        assert "Giraffe." not in found("giraffe", collection)


def test_a_passage_is_not_added_behind_one_of_another_document(
    as_: As, dora: User, manual: Document, collection: Collection
) -> None:
    other = factories.make_document(collection)
    with as_(dora), pytest.raises(Chunk.DoesNotExist):
        passages.add(document=manual, after=chunks(other)[0].pk, text="Here?")
    with as_(dora), pytest.raises(Chunk.DoesNotExist):
        passages.add(document=manual, after=uuid4(), text="Here?")
