"""The index host as a process: who may ask, who may own the folder, how it ends."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from apps.engines.adapters.remote_index import RemoteIndex
from apps.rag.ports import EngineRejected, EngineUnavailable
from tests.contracts.hosts import TOKEN, Host, refused, running
from tests.contracts.test_index import HR, reach, version

KEY = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running("workers.index_host", "--folder", str(tmp_path_factory.mktemp("index"))) as found:
        yield found


@pytest.fixture
def remote() -> Iterator[Callable[..., RemoteIndex]]:
    """Makes the other side of a host, by default for a profile of its own."""
    made: list[RemoteIndex] = []

    def make(host: Host, profile: str = "", dimensions: int = 64) -> RemoteIndex:
        name = profile or f"t{uuid.uuid4().hex[:12]}"
        made.append(RemoteIndex(host.address, token=TOKEN, profile=name, dimensions=dimensions))
        return made[-1]

    yield make
    for index in made:
        index.close()


@pytest.mark.parametrize("path", ["/v1/p/search", "/v1/p/versions", "/metrics", "/nothing"])
@pytest.mark.parametrize("key", [None, "Bearer wrong", "Bearer", TOKEN, f"Basic {TOKEN}"])
def test_without_the_token_nothing_is_answered(host, path, key):
    headers = {"Authorization": key} if key else {}
    assert httpx.get(host.address + path, headers=headers).status_code == 401


def test_health_is_answered_without_a_token_and_names_no_profile(host, remote):
    index = remote(host)
    index.add([version("text")])
    answer = httpx.get(f"{host.address}/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert set(answer.json()) == {"status", "profiles", "problems"}


def test_metrics_count_rows_and_requests(host, remote):
    remote(host).add([version("one", "two")])
    said = httpx.get(f"{host.address}/metrics", headers=KEY).text
    assert "index_rows_written_total" in said
    assert 'index_request_seconds_count{call="add"}' in said


@pytest.mark.parametrize(
    ("call", "body", "status"),
    [
        ("search", b"", 400),
        ("search", b"[]", 400),
        ("search", b"{not json", 400),
        ("search", b"[" * 5_000, 400),
        ("search", b'{"collection_ids": "all", "limit": 5}', 400),
        ("search", b'{"collection_ids": [1], "limit": 5}', 400),
        ("search", b'{"collection_ids": ["a"], "limit": 0}', 400),
        ("search", b'{"collection_ids": ["a"], "limit": true}', 400),
        ("search", b'{"collection_ids": ["a"], "limit": 1000000}', 400),
        ("search", b'{"collection_ids": ["a"], "limit": 5, "text": 7}', 400),
        ("search", b'{"collection_ids": ["a"], "limit": 5, "vector": "?"}', 400),
        ("search", b'{"collection_ids": ["a"], "limit": 5, "vector": [1, 2]}', 400),
        ("add", b'{"dimensions": 64, "versions": [{}]}', 400),
        ("add", b'{"dimensions": 64, "versions": 5}', 400),
        ("add", b'{"dimensions": -1, "versions": []}', 400),
        ("drop", b"{}", 400),
        ("count", b'{"version_ids": {"a": 1}}', 400),
    ],
)
def test_a_request_of_another_shape_gets_a_400_with_a_code(host, call, body, status):
    answer = httpx.post(f"{host.address}/v1/p/{call}", content=body, headers=KEY)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == "BAD_REQUEST"


def test_a_profile_name_that_is_a_path_is_refused(host):
    answer = httpx.get(f"{host.address}/v1/..%2f..%2fetc/versions", headers=KEY)
    assert answer.status_code in {404, 422}
    assert httpx.get(f"{host.address}/v1/UPPER/versions", headers=KEY).status_code == 422


def test_another_length_of_vectors_for_a_known_profile_is_refused(host, remote):
    index = remote(host, "lengths")
    index.add([version("text")])
    other = remote(host, "lengths", dimensions=32)
    with pytest.raises(EngineRejected):
        other.by_words("text", reach(HR), limit=5)


def test_many_small_writes_at_once_are_committed_in_fewer_commits(host, remote):
    def commits() -> float:
        said = httpx.get(f"{host.address}/metrics", headers=KEY).text
        return float(
            next(x for x in said.splitlines() if x.startswith("index_commits ")).split()[1]
        )

    index = remote(host)
    index.add([version("first")])
    before = commits()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda i: index.add([version(f"text {i}")]), range(64)))
    assert index.stats().rows == 65
    assert commits() - before < 64


def test_a_second_host_for_the_same_folder_says_why_it_ends(tmp_path):
    with running("workers.index_host", "--folder", str(tmp_path)):
        status, said = refused("workers.index_host", "--folder", str(tmp_path))
    assert status == 1
    assert "Another index host works in" in said


def test_without_a_token_the_host_does_not_start(tmp_path):
    status, said = refused("workers.index_host", "--folder", str(tmp_path), token="")
    assert status == 1
    assert "needs a token" in said


def test_a_token_may_come_from_a_file(tmp_path):
    (tmp_path / "token").write_text("from-a-file\n")
    arguments = ["--folder", str(tmp_path / "index"), "--token-file", str(tmp_path / "token")]
    with running("workers.index_host", *arguments, token="") as host:
        key = {"Authorization": "Bearer from-a-file"}
        assert httpx.get(f"{host.address}/metrics", headers=key).status_code == 200
        assert httpx.get(f"{host.address}/metrics", headers=KEY).status_code == 401


def test_told_to_end_the_host_commits_what_it_took_in_and_exits_with_0(tmp_path, remote):
    """Writers run until the host refuses them; all that was confirmed is there afterwards."""
    confirmed: list[str] = []

    def write(host: Host) -> None:
        index = remote(host, "busy")
        try:
            while True:
                one = version("text")
                index.add([one])
                confirmed.append(one.version_id)
        except EngineUnavailable:
            return

    with (
        running("workers.index_host", "--folder", str(tmp_path)) as host,
        ThreadPoolExecutor(4) as pool,
    ):
        writers = [pool.submit(write, host) for _ in range(4)]
        while len(confirmed) < 20:
            assert not any(done.done() for done in writers)
        assert host.stop() == 0
    with running("workers.index_host", "--folder", str(tmp_path)) as host:
        kept = remote(host, "busy").versions()
    assert set(confirmed) <= set(kept)


def test_a_killed_host_leaves_a_table_that_the_next_one_reads(tmp_path, remote):
    wanted = version("the notice period")
    with running("workers.index_host", "--folder", str(tmp_path)) as host:
        remote(host, "kept").add([wanted])
        host.process.kill()
        host.process.wait()
    with running("workers.index_host", "--folder", str(tmp_path)) as host:
        hits = remote(host, "kept").by_words("notice", reach(HR), limit=5)
    assert [hit.version_id for hit in hits] == [wanted.version_id]


def test_a_table_that_cannot_be_read_makes_health_degraded_and_others_go_on(tmp_path, remote):
    with running("workers.index_host", "--folder", str(tmp_path)) as host:
        remote(host, "good").add([version("the notice period")])
        remote(host, "bad").add([version("the notice board")])
        for path in (tmp_path / "bad.lance" / "_versions").iterdir():
            path.write_bytes(b"garbage")
        answer = httpx.get(f"{host.address}/health").json()
        assert answer["status"] == "degraded"
        assert answer["problems"] == ["ENGINE_UNAVAILABLE"]
        with pytest.raises(EngineUnavailable):
            remote(host, "bad").by_words("notice", reach(HR), limit=5)
        assert len(remote(host, "good").by_words("notice", reach(HR), limit=5)) == 1


def test_the_host_process_loads_neither_django_nor_torch(tmp_path: Path, remote):
    with running("workers.index_host", "--folder", str(tmp_path)) as host:
        remote(host).add([version("text")])
        maps = Path(f"/proc/{host.process.pid}/maps").read_text()
    assert "lancedb" in maps
    assert "libtorch" not in maps
