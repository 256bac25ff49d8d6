"""What every index does: in memory, in LanceDB, and through the index host."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apps.engines.adapters.fake import HashEmbedder
from apps.engines.adapters.index_values import IndexStore
from apps.engines.adapters.lancedb_index import LanceIndex
from apps.engines.adapters.memory_index import MemoryIndex
from apps.engines.adapters.remote_index import RemoteIndex
from apps.rag.ports import EmbeddedChunk, EmbeddedVersion, EngineError, EngineRejected, Reach
from tests.contracts.hosts import TOKEN, running

EMBEDDER = HashEmbedder(64)
HR, LAW = str(uuid.uuid4()), str(uuid.uuid4())


@pytest.fixture(scope="module")
def host_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("index")
    with running("workers.index_host", "--folder", str(folder)) as host:
        yield host.address


@pytest.fixture(params=["memory", "lance", "remote"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[IndexStore]:
    if request.param == "memory":
        yield MemoryIndex()
    elif request.param == "lance":
        yield LanceIndex(tmp_path, dimensions=64)
    else:
        address = request.getfixturevalue("host_address")
        profile = f"t{uuid.uuid4().hex[:12]}"
        remote = RemoteIndex(address, token=TOKEN, profile=profile, dimensions=64)
        yield remote
        remote.drop_all()
        remote.close()


def version(*texts: str, collection: str = HR, version_id: str = "") -> EmbeddedVersion:
    version_id = version_id or str(uuid.uuid4())
    document_id = str(uuid.uuid5(uuid.NAMESPACE_OID, version_id))
    chunks = [
        EmbeddedChunk(
            str(uuid.uuid5(uuid.NAMESPACE_OID, f"{version_id} {place}")),
            document_id,
            text,
            EMBEDDER.embed_query(text),
        )
        for place, text in enumerate(texts)
    ]
    return EmbeddedVersion(version_id, collection, chunks)


def reach(*collections: str) -> Reach:
    return Reach(frozenset(collections))


def by_both(index: IndexStore, text: str, within: Reach) -> tuple[list[str], list[str]]:
    """The versions that either side finds."""
    vector = EMBEDDER.embed_query(text)
    dense, keyword = index.search_both(vector, text, within, limit=10)
    return [hit.version_id for hit in dense], [hit.version_id for hit in keyword]


def test_a_new_index_is_empty_and_finds_nothing(index):
    assert by_both(index, "anything", reach(HR)) == ([], [])
    assert index.count(str(uuid.uuid4())) == 0
    assert index.versions() == {}
    assert index.stats().rows == 0


def test_a_chinese_word_inside_a_sentence_is_found_by_both_sides(index):
    wanted = version("任何一方均可提前三十天以书面形式通知对方终止本合同。")
    other = version("食堂每天中午十二点开饭。", "The canteen opens at noon.")
    index.add([wanted, other])
    dense, keyword = by_both(index, "合同的书面通知", reach(HR))
    assert dense[0] == keyword[0] == wanted.version_id


def test_an_english_word_is_found_whatever_its_case(index):
    wanted = version("Either party may TERMINATE this agreement.")
    index.add([wanted, version("The canteen opens at noon.")])
    assert by_both(index, "terminate", reach(HR))[1] == [wanted.version_id]


def test_a_part_number_is_found_by_words(index):
    wanted = version("Replace filter HX-4471 every year.")
    index.add([wanted, version("Replace filter HX-9902 every month.")])
    assert by_both(index, "4471", reach(HR))[1] == [wanted.version_id]


def test_a_hit_says_which_script_it_is_in(index):
    index.add([version("差旅报销需要发票。", "Travel needs an invoice.")])
    for question in ("差旅报销", "invoice"):
        by_words = index.by_words(question, reach(HR), limit=1)
        assert [hit.is_cjk for hit in by_words] == [question == "差旅报销"]
    both = index.by_vector(EMBEDDER.embed_query("travel"), reach(HR), limit=5)
    assert {hit.is_cjk for hit in both} == {True, False}


def test_better_hits_come_first_with_higher_scores(index):
    near, far = version("notice period of the contract"), version("period furniture on sale")
    index.add([near, far])
    for hits in index.search_both(
        EMBEDDER.embed_query("notice period"), "notice period", reach(HR), limit=5
    ):
        assert [hit.version_id for hit in hits] == [near.version_id, far.version_id]
        assert hits[0].score > hits[1].score


def test_an_empty_reach_finds_nothing(index):
    index.add([version("the notice period")])
    assert by_both(index, "notice period", reach()) == ([], [])
    assert index.by_vector(EMBEDDER.embed_query("notice"), reach(), limit=5) == []
    assert index.by_words("notice", reach(), limit=5) == []


def test_a_collection_out_of_reach_is_never_found(index):
    secret = version("the salary of the director", collection=LAW)
    index.add([secret, version("the salary of a clerk")])
    for found in by_both(index, "salary of the director", reach(HR)):
        assert secret.version_id not in found
        assert len(found) == 1


def test_reach_narrows_before_ranking_so_that_better_hits_elsewhere_take_no_place(index):
    index.add([version(*["notice period contract"] * 30, collection=LAW)])
    mine = version("a contract, in passing")
    index.add([mine])
    vector = EMBEDDER.embed_query("notice period contract")
    dense, keyword = index.search_both(vector, "notice period contract", reach(HR), limit=3)
    assert [hit.version_id for hit in dense] == [mine.version_id]
    assert [hit.version_id for hit in keyword] == [mine.version_id]


def test_two_collections_in_reach_are_searched_together(index):
    one, two = version("annual leave"), version("annual report", collection=LAW)
    index.add([one, two])
    dense, keyword = by_both(index, "annual", reach(HR, LAW))
    assert set(dense) == set(keyword) == {one.version_id, two.version_id}


def test_adding_a_version_twice_leaves_it_there_once(index):
    twice = version("the notice period", "the salary")
    index.add([twice])
    index.add([twice])
    assert index.count(twice.version_id) == 2
    assert len(by_both(index, "notice period", reach(HR))[1]) == 1


def test_adding_a_version_replaces_what_it_held(index):
    old = version("red one", "red two", "red three")
    index.add([old])
    index.add([version("blue one", version_id=old.version_id)])
    assert index.count(old.version_id) == 1
    assert by_both(index, "red", reach(HR))[1] == []
    assert by_both(index, "blue", reach(HR))[1] == [old.version_id]


def test_a_version_may_move_to_another_collection(index):
    moved = version("the notice period")
    index.add([moved])
    index.add([EmbeddedVersion(moved.version_id, LAW, moved.chunks)])
    assert by_both(index, "notice", reach(HR)) == ([], [])
    assert by_both(index, "notice", reach(LAW))[1] == [moved.version_id]


def test_a_version_without_chunks_is_no_error_and_empties_the_old_one(index):
    old = version("something")
    index.add([old])
    index.add([EmbeddedVersion(old.version_id, HR, [])])
    assert index.count(old.version_id) == 0


def test_dropped_versions_are_gone_and_others_stay(index):
    gone, kept = version("the notice period"), version("the notice board")
    index.add([gone, kept])
    index.drop([gone.version_id])
    assert index.counts([gone.version_id, kept.version_id]) == {
        gone.version_id: 0,
        kept.version_id: 1,
    }
    assert by_both(index, "notice", reach(HR))[1] == [kept.version_id]


def test_dropping_what_was_never_there_is_no_error(index):
    index.drop([str(uuid.uuid4())])
    index.drop([])
    index.add([version("something")])
    index.drop([str(uuid.uuid4())])
    assert index.stats().rows == 1


def test_dropped_versions_stay_gone_through_optimising(index):
    gone, kept = version("the notice period"), version("the notice board")
    index.add([gone, kept])
    index.optimize()
    index.drop([gone.version_id])
    index.optimize(purge=True)
    dense, keyword = by_both(index, "notice", reach(HR))
    assert dense == keyword == [kept.version_id]


def test_rows_added_after_optimising_are_found_at_once(index):
    index.add([version("the salary")])
    index.optimize()
    late = version("the notice period")
    index.add([late])
    assert by_both(index, "notice period", reach(HR))[1] == [late.version_id]


HOSTILE = ["x') OR ('1'='1", "'; DROP TABLE p; --", "*", "%", "", " ", "' OR collection_id <> '"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_reach_that_is_an_injection_finds_nothing(index, hostile):
    index.add([version("the salary of the director", collection=LAW)])
    assert by_both(index, "salary", reach(hostile)) == ([], [])
    assert by_both(index, "salary", reach(hostile, HR)) == ([], [])


@pytest.mark.parametrize("hostile", HOSTILE)
def test_ids_that_are_injections_drop_and_count_nothing(index, hostile):
    kept = version("something")
    index.add([kept])
    index.drop([hostile])
    assert index.counts([hostile]) == {hostile: 0}
    assert index.count(kept.version_id) == 1


@pytest.mark.parametrize("hostile", HOSTILE)
def test_an_injection_cannot_be_stored_as_an_id(index, hostile):
    with pytest.raises(EngineRejected):
        index.add([EmbeddedVersion(str(uuid.uuid4()), hostile, version("text").chunks)])
    assert index.stats().rows == 0


STRANGE = [
    "",
    " \n\t",
    "!!! ??? ...",
    "。，、；：？！",
    '"unbalanced',
    "a AND (b OR",
    "text:^2~ +x -y /re/",
    "😀🎉",
    "\x00notice",
    "\ud800",
    "notice " * 3_000,
    "\u200b\u202e",
    "' OR 1=1 --",
]


@pytest.mark.parametrize("strange", STRANGE, ids=range(len(STRANGE)))
def test_a_strange_question_is_answered_without_an_error(index, strange):
    index.add([version("the notice period")])
    hits = index.by_words(strange, reach(HR), limit=5)
    assert bool(hits) == ("notice" in strange)


def test_a_question_of_five_megabytes_is_answered(index):
    wanted = version("the notice period")
    index.add([wanted])
    hits = index.by_words("notice " + "合同" * 800_000, reach(HR), limit=5)
    assert [hit.version_id for hit in hits] == [wanted.version_id]


@pytest.mark.parametrize(
    "numbers", [[0.0] * 64, [float("nan")] * 64, [float("inf")] * 64, [0.1] * 63]
)
def test_vectors_without_direction_or_of_another_length_are_refused(index, numbers):
    index.add([version("something")])
    chunk = EmbeddedChunk(str(uuid.uuid4()), str(uuid.uuid4()), "text", numbers)
    with pytest.raises(EngineRejected):
        index.add([EmbeddedVersion(str(uuid.uuid4()), HR, [chunk])])
    assert index.stats().rows == 1


def test_a_question_of_another_length_is_refused(index):
    index.add([version("something")])
    with pytest.raises(EngineRejected):
        index.by_vector([0.1] * 63, reach(HR), limit=5)


def test_one_bad_version_does_not_half_write_its_neighbours(index):
    good = version("good")
    bad = EmbeddedVersion("no id!", HR, version("bad").chunks)
    with pytest.raises(EngineRejected):
        index.add([good, bad])
    assert index.stats().rows == 0


def test_the_limit_is_kept(index):
    index.add([version(*[f"notice number {i}" for i in range(20)])])
    dense, keyword = index.search_both(EMBEDDER.embed_query("notice"), "notice", reach(HR), limit=7)
    assert len(dense) == len(keyword) == 7


def test_only_the_side_that_is_asked_for_answers(index):
    index.add([version("notice")])
    vector = EMBEDDER.embed_query("notice")
    assert index.search_both(vector, None, reach(HR), limit=5)[1] == []
    assert index.search_both(None, "notice", reach(HR), limit=5)[0] == []


def test_all_versions_can_be_listed_with_their_rows(index):
    one, two = version("a", "b"), version("c")
    index.add([one, two])
    assert index.versions() == {one.version_id: 2, two.version_id: 1}


def test_a_whole_profile_can_be_dropped_and_filled_again(index):
    index.add([version("old")])
    index.drop_all()
    assert index.versions() == {}
    new = version("new")
    index.add([new])
    assert by_both(index, "new", reach(HR))[1] == [new.version_id]


def test_many_writers_at_once_lose_and_double_nothing(index):
    """Half of the versions are added by two writers at the same time."""
    shared = [version(f"shared {i} first", f"shared {i} second") for i in range(8)]
    own = [version(f"own {i}") for i in range(8)]

    def write(place: int) -> None:
        for one in shared:
            index.add([one])
        index.add(own[2 * place : 2 * place + 2])
        index.drop([str(uuid.uuid4())])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    expected = {v.version_id: len(v.chunks) for v in [*shared, *own]}
    assert index.versions() == expected
    found = [hit.chunk_id for hit in index.by_words("shared", reach(HR), limit=100)]
    assert len(found) == len(set(found)) == 16


def test_searches_beside_writes_see_whole_versions_only(index):
    """A version is replaced again and again while it is searched: it is never half there."""
    version_id = str(uuid.uuid4())
    texts = [f"notice {i}" for i in range(6)]
    index.add([version(*texts, version_id=version_id)])

    def search(_: int) -> int:
        return len(index.by_words("notice", reach(HR), limit=50))

    def write(_: int) -> None:
        index.add([version(*texts, version_id=version_id)])

    with ThreadPoolExecutor(3) as pool:
        writes = [pool.submit(write, i) for i in range(10)]
        sizes = set(pool.map(search, range(20)))
        for done in writes:
            done.result()
    assert sizes == {6}


def test_an_unknown_host_is_an_engine_error():
    lost = RemoteIndex("http://127.0.0.1:9", token=TOKEN, profile="p", dimensions=64)
    with pytest.raises(EngineError):
        lost.by_words("notice", reach(HR), limit=5)
    lost.close()
