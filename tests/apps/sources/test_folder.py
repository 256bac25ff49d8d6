"""A watched folder: only below allowed roots, no way out, nothing half written."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.core.errors import AppError, ErrorCode
from apps.sources.connectors import folder as folders
from apps.sources.connectors.base import Entry
from apps.sources.connectors.folder import Folder
from apps.sources.models import Source
from apps.workspaces.models import Collection
from tests.apps.sources.conftest import codes, names, refusal, run, write

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/etc", "relative", "", "/", "{root}/../../etc", "{root}x", "{root}/handbook\0/x"]
)
def test_only_folders_below_an_allowed_root_are_followed(
    path: str, share: Path, follow: Callable[..., Source]
) -> None:
    error = refusal(lambda: follow("folder", {"path": path.format(root=share.parent)}))
    assert error.code == ErrorCode.BAD_REQUEST


def test_without_allowed_roots_there_are_no_folder_sources(
    share: Path, follow: Callable[..., Source], settings: Any
) -> None:
    settings.SOURCE_FOLDERS = []
    assert refusal(lambda: follow("folder", {"path": str(share)})).code == ErrorCode.BAD_REQUEST


def test_a_root_that_is_not_allowed_any_more_stops_the_source(
    folder: Source, share: Path, settings: Any
) -> None:
    settings.SOURCE_FOLDERS = [share / "elsewhere"]
    assert run(folder).error_code == "SOURCE_NOT_ALLOWED"


def test_links_lead_nowhere(
    folder: Source, share: Path, tmp_path: Path, collection: Collection
) -> None:
    secret = write(tmp_path / "secret.md", "secret")
    (share / "file.md").symlink_to(secret)
    (share / "folder").symlink_to(tmp_path)
    (share / "loop").symlink_to(share)
    write(share / "a.md")
    assert run(folder).seen == 1
    assert names(collection) == ["a.md"]


def test_a_root_that_is_a_link_out_is_refused(
    share: Path, tmp_path: Path, follow: Callable[..., Source]
) -> None:
    (share / "out").symlink_to(tmp_path.parent)
    assert refusal(lambda: follow("folder", {"path": str(share / "out")}))


def test_a_folder_exchanged_for_a_link_after_it_was_listed_is_not_followed(
    share: Path, tmp_path: Path
) -> None:
    write(tmp_path / "outside" / "a.md", "secret")
    (share / "inner").symlink_to(tmp_path / "outside")
    connector = Folder({"path": str(share)}, {})
    for key in ("inner/a.md", "../../outside/a.md", "/etc/passwd"):
        with pytest.raises(AppError), connector.open(Entry(key, "a.md", "")):
            pass


def test_a_pipe_is_not_read(share: Path) -> None:
    os.mkfifo(share / "pipe.md")
    connector = Folder({"path": str(share)}, {})
    assert list(connector.list()) == []
    with pytest.raises(AppError), connector.open(Entry("pipe.md", "pipe.md", "")):
        pass


def test_a_file_that_is_being_written_waits(folder: Source, share: Path) -> None:
    path = write(share / "a.md", ago=0)
    done = run(folder)
    assert (done.added, codes(done)) == (0, {"a.md": "STILL_WRITTEN"})
    write(path)
    assert run(folder).added == 1


def test_a_file_that_is_being_written_again_keeps_its_document(
    folder: Source, share: Path, collection: Collection
) -> None:
    path = write(share / "a.md")
    run(folder)
    write(path, "half", ago=0)
    assert run(folder).removed == 0
    assert names(collection) == ["a.md"]


def test_a_file_that_grows_while_it_is_read_waits(
    folder: Source, share: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(share / "a.md")
    read = os.read

    def growing(file: int, size: int) -> bytes:
        with path.open("a") as more:
            more.write("more")
        monkeypatch.undo()
        return read(file, size)

    monkeypatch.setattr(folders.os, "read", growing)
    done = run(folder)
    assert codes(done) == {"a.md": "STILL_WRITTEN"}
    assert names(collection) == []


def test_patterns_choose(share: Path, follow: Callable[..., Source]) -> None:
    for name in ("a.md", "b.txt", "draft-c.md", "x/d.md", "~$a.docx", ".hidden.md"):
        write(share / name, name)
    values = {"path": str(share), "only": ["*.md"], "without": "draft-*"}
    assert run(follow("folder", values)).seen == 2


def test_odd_names_do_no_harm(folder: Source, share: Path, collection: Collection) -> None:
    write(share / "a\nb.md")
    write(share / "  spaces  .md", "s")
    write(share / "\u202efdp.md", "r")
    (share / os.fsdecode(b"caf\xe9.md")).write_text("latin")
    os.utime(share / os.fsdecode(b"caf\xe9.md"), (1, 1))
    done = run(folder)
    assert (done.state, done.added, done.failed) == ("done", 4, 0)
    assert run(folder).unchanged == 4
