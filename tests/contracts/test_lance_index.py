"""What only the LanceDB index has: the disk."""

import random
import shutil
import uuid
from pathlib import Path

import pytest

from apps.engines.adapters import lancedb_index, lancedb_vectors
from apps.engines.adapters.lancedb_index import LanceIndex
from apps.rag.ports import EmbeddedChunk, EmbeddedVersion, EngineRejected, EngineUnavailable
from tests.contracts.test_index import HR, LAW, reach, version


def files_with(folder: Path, *needles: str) -> list[str]:
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and any(needle.encode() in path.read_bytes() for needle in needles)
    ]


def test_purging_takes_the_text_of_deleted_rows_off_the_disk(tmp_path):
    index = LanceIndex(tmp_path, dimensions=64)
    secret = version("zebrasecret agreement", "zebrasecret appendix")
    kept = version(*[f"ordinary {i}" for i in range(200)])
    index.add([kept])
    index.add([secret])
    index.optimize()
    assert files_with(tmp_path, "zebrasecret")
    index.drop([secret.version_id])
    index.optimize(purge=True)
    assert files_with(tmp_path, "zebrasecret", secret.version_id) == []
    assert index.versions() == {kept.version_id: 200}
    assert index.by_words("ordinary 7", reach(HR), limit=1)[0].version_id == kept.version_id


def test_a_reopened_index_holds_what_was_written(tmp_path):
    wanted = version("the notice period")
    LanceIndex(tmp_path, dimensions=64).add([wanted])
    again = LanceIndex(tmp_path, dimensions=64)
    assert again.by_words("notice", reach(HR), limit=5)[0].version_id == wanted.version_id


def test_two_handles_see_each_others_rows_at_once(tmp_path):
    writer, reader = (LanceIndex(tmp_path, dimensions=64) for _ in range(2))
    first, second = version("the notice period"), version("the notice board")
    writer.add([first])
    reader = LanceIndex(tmp_path, dimensions=64)
    writer.add([second])
    assert len(reader.by_words("notice", reach(HR), limit=5)) == 2


def test_a_table_of_another_length_is_refused(tmp_path):
    LanceIndex(tmp_path, dimensions=64).add([version("something")])
    with pytest.raises(EngineRejected):
        LanceIndex(tmp_path, dimensions=128)


@pytest.mark.parametrize("name", ["", "../up", "a/b", "A", "x" * 49, "p;", "p.lance"])
def test_a_profile_cannot_name_another_folder(tmp_path, name):
    with pytest.raises(EngineRejected):
        LanceIndex(tmp_path, profile=name)


def test_profiles_do_not_see_each_other(tmp_path):
    one = LanceIndex(tmp_path, profile="one", dimensions=64)
    two = LanceIndex(tmp_path, profile="two", dimensions=64)
    one.add([version("the notice period")])
    assert two.by_words("notice", reach(HR), limit=5) == []


def test_a_table_that_vanishes_is_an_error_and_not_an_empty_answer(tmp_path):
    index = LanceIndex(tmp_path, dimensions=64)
    index.add([version("the notice period")])
    shutil.rmtree(tmp_path / "default.lance")
    with pytest.raises(EngineUnavailable):
        index.by_words("notice", reach(HR), limit=5)
    with pytest.raises(EngineUnavailable):
        index.check()


def test_a_table_that_came_back_is_opened_again(tmp_path):
    index = LanceIndex(tmp_path / "live", dimensions=64)
    index.add([version("the notice period")])
    shutil.copytree(tmp_path / "live", tmp_path / "saved")
    index.optimize(purge=True)
    shutil.rmtree(tmp_path / "live")
    shutil.copytree(tmp_path / "saved", tmp_path / "live")
    assert len(index.by_words("notice", reach(HR), limit=5)) == 1


def test_a_lost_table_can_be_dropped_and_filled_anew(tmp_path):
    index = LanceIndex(tmp_path, dimensions=64)
    index.add([version("old")])
    for path in (tmp_path / "default.lance" / "data").iterdir():
        path.write_bytes(b"garbage")
    with pytest.raises(EngineUnavailable):
        index.by_vector([1.0] * 64, reach(HR), limit=5)
    index.drop_all()
    new = version("new")
    index.add([new])
    assert index.versions() == {new.version_id: 1}


def test_rows_doubled_by_an_accident_are_healed_by_adding_the_version_again(tmp_path):
    index = LanceIndex(tmp_path, dimensions=64)
    wanted = version("the notice period")
    index.add([wanted])
    index._table.add(index._rows([wanted]))
    assert index.count(wanted.version_id) == 2
    index.add([wanted])
    assert index.count(wanted.version_id) == 1


def test_a_chunk_id_of_another_version_is_not_taken_over_unnoticed(tmp_path):
    index = LanceIndex(tmp_path, dimensions=64)
    first = version("the notice period")
    index.add([first])
    thief = EmbeddedVersion(str(uuid.uuid4()), HR, first.chunks)
    index.add([thief])
    assert index.versions() == {first.version_id: 1, thief.version_id: 1}


def test_half_a_surrogate_pair_in_a_text_is_stored_as_a_replacement(tmp_path):
    index = LanceIndex(tmp_path, dimensions=64)
    index.add([version("notice \ud800 period")])
    assert len(index.by_words("notice", reach(HR), limit=5)) == 1


def clustered(count: int) -> list[EmbeddedVersion]:
    """Vectors around a few centres, as real ones are; one version a document."""
    numbers = random.Random(7)
    centres = [[numbers.gauss(0, 1) for _ in range(64)] for _ in range(12)]
    found = []
    for place in range(count):
        centre = centres[place % len(centres)]
        vector = [x + numbers.gauss(0, 0.4) for x in centre]
        chunk = EmbeddedChunk(f"c{place}", f"d{place}", f"row {place}", vector)
        found.append(EmbeddedVersion(f"v{place}", HR if place % 10 else LAW, [chunk]))
    return found


@pytest.mark.slow
def test_a_large_table_gets_a_vector_index_that_finds_what_exact_search_finds(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(lancedb_vectors, "_LEAST_ROWS", 2_000)
    monkeypatch.setattr(lancedb_index, "_EXACT_ROWS", 500)
    rows = clustered(3_000)
    exact, quick = (
        LanceIndex(tmp_path / "a", dimensions=64),
        LanceIndex(tmp_path / "b", dimensions=64),
    )
    for index in (exact, quick):
        index.add(rows)
    quick.optimize()
    assert quick.stats().has_vector_index
    assert not exact.stats().has_vector_index
    late = clustered(3_010)[3_000:]
    for index in (exact, quick):
        index.add(late)
    for version_ in [*rows[::300], *late[:3]]:
        for within in (reach(HR, LAW), reach(LAW)):
            wanted = exact.by_vector(version_.chunks[0].vector, within, limit=10)
            found = quick.by_vector(version_.chunks[0].vector, within, limit=10)
            same = {hit.chunk_id for hit in wanted} & {hit.chunk_id for hit in found}
            assert len(same) >= 9
    quick.drop([late[0].version_id])
    quick.optimize(purge=True)
    assert quick.stats().has_vector_index
    gone = quick.by_vector(late[0].chunks[0].vector, reach(HR, LAW), limit=3)
    assert late[0].version_id not in {hit.version_id for hit in gone}


@pytest.mark.slow
def test_a_vector_index_that_misses_too_much_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(lancedb_vectors, "_LEAST_ROWS", 500)
    monkeypatch.setattr(lancedb_vectors, "_recall", lambda table: 0.9)
    index = LanceIndex(tmp_path, dimensions=64)
    index.add(clustered(600))
    index.optimize()
    assert not index.stats().has_vector_index
    assert len(index.by_vector([1.0] * 64, reach(HR), limit=5)) == 5


def test_a_table_from_before_scripts_were_kept_is_read_and_written(tmp_path, monkeypatch):
    whole = lancedb_index.LanceIndex._schema

    def without(self):
        schema = whole(self)
        return schema.remove(schema.get_field_index("is_cjk"))

    monkeypatch.setattr(lancedb_index.LanceIndex, "_schema", without)
    LanceIndex(tmp_path, dimensions=64).add([version("the notice period")])
    monkeypatch.undo()
    index = LanceIndex(tmp_path, dimensions=64)
    index.add([version("the notice board")])
    found = index.by_words("notice", reach(HR), limit=5)
    assert [hit.is_cjk for hit in found] == [None, None]
