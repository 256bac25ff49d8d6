"""Backup and restore from the command line, into another data folder, and the same question."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.apps.operations.supervised import ROOT

ANSWER = "The notice period of the contract is ninety days."


class Installation:
    """A data folder (and a database), reached only through its command line."""

    def __init__(self, data: Path, database_url: str = "") -> None:
        self.data = data
        self.env = {name: value for name, value in os.environ.items() if name[:3] != "KB_"}
        self.env |= {
            "KB_DATA_DIR": str(data),
            "KB_ENGINES": "fake",
            "KB_DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "kb_platform.settings",
        }

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.env,
            text=True,
            capture_output=True,
            check=False,
        )

    def manage(self, *arguments: str) -> str:
        done = self.run("manage.py", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuses(self, *arguments: str) -> str:
        done = self.run("manage.py", *arguments)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def fill(self) -> None:
        self.manage("migrate", "-v0")
        self._program("fill")

    def answers(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._program("ask"))
        return answer

    def _program(self, name: str) -> str:
        done = self.run("-m", "tests.apps.operations.installation", name)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Path]:
    """A filled installation and its backup."""
    folder = tmp_path_factory.mktemp("backup")
    source = Installation(folder / "source")
    source.fill()
    source.manage("backup", str(folder / "copy"))
    return source, folder / "copy"


def copied(backup: tuple[Installation, Path], tmp_path: Path) -> Path:
    """The backup once more, to be damaged."""
    return Path(shutil.copytree(backup[1], tmp_path / "copy"))


def test_the_same_question_has_the_same_answer_after_a_restore(
    backup: tuple[Installation, Path], tmp_path: Path
) -> None:
    _, copy = backup
    other = Installation(tmp_path / "other")
    said = other.manage("restore", str(copy))
    assert "1 documents are then indexed again" in said
    found = other.answers()
    assert found["passages"][0] == f"{ANSWER} Weekends count."
    assert found["original"].startswith(ANSWER), "what was read is kept beside the edit"
    assert found["documents"] == ["contract.txt"]
    assert found["key"] == "key of a server"


def test_a_backup_says_that_it_holds_the_key(
    backup: tuple[Installation, Path], tmp_path: Path
) -> None:
    source, _ = backup
    assert "secret.key" in source.manage("backup", str(tmp_path / "again"))
    assert (tmp_path / "again").stat().st_mode & 0o077 == 0


def test_a_deleted_document_is_in_no_backup(backup: tuple[Installation, Path]) -> None:
    _, copy = backup
    files = [path for path in (copy / "files").rglob("*") if path.is_file()]
    assert len(files) == 1
    assert b"ninety days" in files[0].read_bytes()


def test_a_folder_with_something_in_it_is_not_written_to(
    backup: tuple[Installation, Path], tmp_path: Path
) -> None:
    source, _ = backup
    (tmp_path / "mine.txt").write_text("mine")
    assert "not empty" in source.refuses("backup", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_restore_does_not_replace_an_installation_unless_told_to(
    backup: tuple[Installation, Path], tmp_path: Path
) -> None:
    _, copy = backup
    other = Installation(tmp_path / "other")
    other.manage("restore", str(copy))
    assert "--force" in other.refuses("restore", str(copy))
    other.manage("restore", str(copy), "--force")
    assert other.answers()["documents"] == ["contract.txt"]
    (aside,) = other.data.glob("replaced-*")
    assert {"database.sqlite3", "files"} <= {path.name for path in aside.iterdir()}


@pytest.mark.parametrize("victim", ["database.sqlite3", "secret.key", "files"])
def test_a_backup_that_has_changed_is_refused_and_changes_nothing(
    backup: tuple[Installation, Path], tmp_path: Path, victim: str
) -> None:
    copy = copied(backup, tmp_path)
    path = copy / victim
    if path.is_dir():
        (path,) = [found for found in path.rglob("*") if found.is_file()]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    other = Installation(tmp_path / "other")
    assert "has changed" in other.refuses("restore", str(copy))
    assert not (other.data / "kb.sqlite3").exists() or "no such table" in other.refuses(
        "reset_link", "--email", "alice@example.com"
    )


def test_an_unfinished_backup_is_refused(backup: tuple[Installation, Path], tmp_path: Path) -> None:
    copy = copied(backup, tmp_path)
    (copy / "manifest.json").unlink()
    assert "not a finished backup" in Installation(tmp_path / "other").refuses("restore", str(copy))


def test_a_backup_of_a_newer_footnote_is_refused(
    backup: tuple[Installation, Path], tmp_path: Path
) -> None:
    copy = copied(backup, tmp_path)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["migrations"]["documents"] = "9999_from_the_future"
    (copy / "manifest.json").write_text(json.dumps(manifest))
    said = Installation(tmp_path / "other").refuses("restore", str(copy))
    assert "documents.9999_from_the_future" in said


def test_a_run_in_the_middle_of_a_backup_is_done_after_the_restore(
    backup: tuple[Installation, Path], tmp_path: Path
) -> None:
    source = Installation(Path(shutil.copytree(backup[0].data, tmp_path / "source")))
    source.run("-m", "tests.apps.operations.installation", "stop-in-the-middle")
    source.manage("backup", str(tmp_path / "copy"))
    other = Installation(tmp_path / "other")
    assert "0 documents are then indexed" in other.manage("restore", str(tmp_path / "copy"))
    assert other.answers()["passages"][0].startswith(ANSWER)


@pytest.fixture
def two_databases() -> Iterator[tuple[str, str]]:
    """Addresses of two empty PostgreSQL databases."""
    server = os.environ.get("KB_DATABASE_URL", "")
    if not server.startswith("postgresql"):
        pytest.skip("KB_DATABASE_URL names no PostgreSQL; `make test-services` sets it")
    names = [f"footnote_{os.getpid()}_{letter}" for letter in "ab"]
    with psycopg.connect(server, autocommit=True) as connection:
        for name in names:
            connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            urls = [urlunsplit(urlsplit(server)._replace(path=f"/{name}")) for name in names]
            yield urls[0], urls[1]
        finally:
            for name in names:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.services
def test_the_same_on_postgresql(two_databases: tuple[str, str], tmp_path: Path) -> None:
    source = Installation(tmp_path / "source", two_databases[0])
    source.fill()
    source.manage("backup", str(tmp_path / "copy"))
    other = Installation(tmp_path / "other", two_databases[1])
    other.manage("restore", str(tmp_path / "copy"))
    found = other.answers()
    assert found["passages"][0].startswith(ANSWER)
    assert found["key"] == "key of a server"
    assert "--force" in other.refuses("restore", str(tmp_path / "copy"))
    lite = Installation(tmp_path / "lite")
    assert "another kind" in lite.refuses("restore", str(tmp_path / "copy"))


def test_a_restore_waits_for_footnote_to_be_stopped(
    backup: tuple[Installation, Path], tmp_path: Path
) -> None:
    _, copy = backup
    other = Installation(tmp_path / "other")
    run = other.data / "run"
    run.mkdir(parents=True)
    holder = subprocess.Popen(
        ["flock", str(run / "redis.lock"), "sh", "-c", "echo held; exec sleep 60"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        assert "Stop it first" in other.refuses("restore", str(copy))
    finally:
        holder.kill()
        holder.wait()
        holder.stdout and holder.stdout.close()
