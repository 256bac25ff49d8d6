"""Archives in sources: what is in them comes, changes and goes with them, and says why not."""

import io
import os
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import py7zr
import pytest

from apps.accounts.models import User
from apps.core.errors import AppError, ErrorCode
from apps.documents import services as documents
from apps.documents.models import DeletionReceipt, Document
from apps.engines.parsers.sandbox import SandboxParser
from apps.permissions.scope import system_scope
from apps.sources.models import Source
from apps.workspaces.models import Collection
from tests.apps.engines.test_archives import sevened, tarred, zipped
from tests.apps.sources.conftest import As, codes, differences, names, run, write
from tests.apps.sources.served import Served
from tests.samples import sample

pytestmark = pytest.mark.django_db
TEN = {f"{n}.txt": f"Text number {n}.".encode() for n in range(10)}


def pack(path: Path, files: dict[str, bytes], *, ago: float = 60, make: Any = zipped) -> None:
    write(path, "", ago=ago)
    path.write_bytes(make(files))
    write_time(path, ago)


def stored(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def stored_seven(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", filters=[{"id": py7zr.FILTER_COPY}]) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return out.getvalue()


def write_time(path: Path, ago: float) -> None:
    at = time.time() - ago
    os.utime(path, (at, at))


@pytest.mark.parametrize(
    ("name", "make"), [("2024.zip", zipped), ("2024.tar.gz", tarred), ("2024.7z", sevened)]
)
def test_files_in_an_archive_come_as_if_it_were_a_folder(
    folder: Source, share: Path, collection: Collection, name: str, make: Any
) -> None:
    pack(share / "HR" / name, {"a.txt": b"Leave.", "b/c.txt": b"Pay.", "x.exe": b"MZ"}, make=make)
    done = run(folder)
    assert (done.state, differences(done), done.seen, done.skipped) == ("done", (2, 0, 0), 3, 1)
    assert names(collection) == ["HR/2024/a.txt", "HR/2024/b/c.txt"]
    assert codes(done) == {"HR/2024/x.exe": "UNSUPPORTED"}
    with system_scope("test: look"):
        document = Document.objects.get(name__endswith="c.txt")
    assert document.external_id == f"source:{folder.pk}:HR/{name}!/b/c.txt"
    assert document.metadata["archive"] == name


def test_an_archive_that_did_not_change_is_not_opened_again(
    folder: Source, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(share / "a.zip", {**TEN, "x.exe": b"MZ"})
    run(folder)

    def never(*_args: Any, **_more: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(SandboxParser, "unpack", never)
    again = run(folder)
    assert (differences(again), again.unchanged, again.bytes) == ((0, 0, 0), 10, 0)
    assert (again.seen, codes(again)) == (11, {"a/x.exe": "UNSUPPORTED"})
    write_time(share / "a.zip", 30)  # touched: fetched, and found to be the same
    touched = run(folder)
    assert (differences(touched), touched.unchanged) == ((0, 0, 0), 10)
    assert touched.bytes > 0


def test_what_changes_in_an_archive_changes_here_and_nothing_else(
    folder: Source, share: Path, collection: Collection
) -> None:
    pack(share / "a.zip", TEN)
    run(folder)
    now = {**TEN, "0.txt": b"Another text.", "new.txt": b"New."}
    del now["9.txt"]
    pack(share / "a.zip", now, ago=30)
    done = run(folder)
    assert (differences(done), done.unchanged) == ((1, 1, 1), 8)
    assert "a/9.txt" not in names(collection)
    with system_scope("test: look"):
        assert Document.objects.get(name="a/0.txt").versions.count() == 2
        assert Document.objects.get(name="a/1.txt").versions.count() == 1
        assert DeletionReceipt.objects.get().name == "a/9.txt"


def test_an_archive_that_is_gone_takes_its_documents_along(
    folder: Source, share: Path, collection: Collection
) -> None:
    pack(share / "a.zip", {"1.txt": b"one", "2.txt": b"two"})
    for n in range(9):
        write(share / f"{n}.md", f"text {n}")
    run(folder)
    (share / "a.zip").unlink()
    done = run(folder)
    assert (done.state, differences(done)) == ("done", (0, 0, 2))
    assert not [name for name in names(collection) if name.startswith("a/")]


def test_an_archive_of_many_documents_asks_before_they_go(
    folder: Source, share: Path, collection: Collection
) -> None:
    pack(share / "a.zip", TEN)
    write(share / "b.md")
    run(folder)
    (share / "a.zip").unlink()
    done = run(folder)
    assert (done.state, done.to_remove, len(names(collection))) == ("asking", 10, 11)


def test_a_broken_archive_says_so_and_keeps_what_the_good_one_held(
    folder: Source, share: Path, collection: Collection
) -> None:
    pack(share / "a.zip", TEN)
    run(folder)
    write(share / "a.zip", "no ZIP any more", ago=30)
    for _ in range(2):
        done = run(folder)
        assert (done.state, differences(done), done.unchanged) == ("done", (0, 0, 0), 10)
        assert (codes(done), done.failed) == ({"a.zip": "UNREADABLE"}, 1)
    assert len(names(collection)) == 10


def test_a_broken_archive_inside_keeps_what_the_good_one_held(
    folder: Source, share: Path, collection: Collection
) -> None:
    inner = zipped(TEN | {f"{'x' * 240}.txt": b"Long."})
    pack(share / "a.zip", {"in.zip": inner, "1.txt": b"one", "2.txt": b"two"})
    run(folder)
    pack(share / "a.zip", {"in.zip": inner[:60], "1.txt": b"one"}, ago=30)
    assert differences(run(folder)) == (0, 0, 1)
    assert differences(run(folder)) == (0, 0, 0)
    assert len(names(collection)) == 12
    pack(share / "a.zip", {"in.zip": zipped({"0.txt": b"Text."}), "1.txt": b"one"}, ago=20)
    assert run(folder, may_remove=10).removed == 10


@pytest.mark.parametrize("mode", ["w:", "zip", "7z"])
def test_an_archive_that_begins_with_a_pdf_is_no_document(
    folder: Source, share: Path, collection: Collection, mode: str
) -> None:
    suffix = "tar" if mode == "w:" else mode
    make = {"tar": partial(tarred, mode="w:"), "zip": stored, "7z": stored_seven}[suffix]
    pack(share / f"a.{suffix}", {"a.pdf": sample("sample.pdf")}, make=make)
    run(folder)
    assert names(collection) == ["a/a.pdf"]


def test_a_bomb_is_refused_before_it_unfolds(
    folder: Source, share: Path, collection: Collection, settings: Any
) -> None:
    settings.ARCHIVE_MAX_BYTES = 1000
    pack(share / "bomb.zip", {"a.txt": b"0" * 900, "b.txt": b"1" * 900})
    done = run(folder)
    assert codes(done) == {"bomb.zip": "ARCHIVE_TOO_LARGE"}
    assert names(collection) == []
    assert run(folder).bytes == 0


def test_archives_in_archives_are_opened_three_deep(
    folder: Source, share: Path, collection: Collection
) -> None:
    deepest = zipped({"too-deep.txt": b"x"})
    third = zipped({"third.txt": b"Three.", "fourth.zip": deepest})
    pack(share / "a.zip", {"in.zip": zipped({"second.txt": b"Two.", "in.zip": third})})
    done = run(folder)
    assert names(collection) == ["a/in.zip/in.zip/third.txt", "a/in.zip/second.txt"]
    assert codes(done) == {"a/in.zip/in.zip/fourth.zip": "NESTED_TOO_DEEP"}


def test_a_member_deleted_by_hand_stays_away(
    folder: Source, share: Path, collection: Collection, as_: As, alice: User
) -> None:
    pack(share / "a.zip", {"1.txt": b"one", "2.txt": b"two"})
    run(folder)
    with as_(alice):
        documents.delete_document(document=Document.objects.get(name="a/1.txt"))
    assert codes(run(folder)) == {"a/1.txt": "REMOVED_BY_HAND"}
    pack(share / "a.zip", {"1.txt": b"one, changed", "2.txt": b"two"}, ago=30)
    assert codes(run(folder)) == {"a/1.txt": "REMOVED_BY_HAND"}
    assert names(collection) == ["a/2.txt"]
    assert run(folder, is_full=True).added == 1


def test_an_office_file_that_is_named_like_an_archive_is_a_document(
    folder: Source, share: Path, collection: Collection
) -> None:
    write(share / "report.zip", "")
    (share / "report.zip").write_bytes(sample("sample.docx"))
    write_time(share / "report.zip", 60)
    assert differences(run(folder)) == (1, 0, 0)
    assert names(collection) == ["report.zip"]
    pack(share / "report.zip", {"a.txt": b"Now it is one."}, ago=30)
    run(folder)
    assert names(collection) == ["report/a.txt"]


def test_an_archive_that_was_half_taken_is_taken_whole_the_next_time(
    folder: Source, share: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(share / "a.zip", {"1.txt": b"one", "2.txt": b"two"})
    add, calls = documents.add_version, []

    def full(**values: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise AppError(ErrorCode.DISK_FULL, status=507)
        return add(**values)

    monkeypatch.setattr(documents, "add_version", full)
    assert run(folder).error_code == "DISK_FULL"
    assert names(collection) == ["a/1.txt"]
    done = run(folder)
    assert (differences(done), done.unchanged) == ((1, 0, 0), 1)
    assert names(collection) == ["a/1.txt", "a/2.txt"]


def test_an_archive_that_a_web_site_links_to_is_unpacked(
    follow: Callable[..., Source], site: Served, collection: Collection
) -> None:
    packed = zipped({"a.txt": b"Opening hours."})
    site.page("/", '<p>Files</p><a href="/files.zip">All</a>')
    site.page("/files.zip", packed, Content_Type="application/zip", ETag='"1"')
    source = follow(
        "website",
        {
            "url": site.url("/"),
            "how": "crawl",
            "depth": 2,
            "most": 10,
            "below": "",
            "with_files": True,
        },
    )
    done = run(source)
    assert "files/a.txt" in names(collection)
    again = run(source)
    assert again.seen == done.seen
    assert (done.added, differences(again)) == (2, (0, 0, 0))
