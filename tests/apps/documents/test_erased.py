"""A deleted document on real disks: its words are in no file of the installation any more."""

import secrets
from pathlib import Path

import pytest

from tests.apps.documents.plant import Plant, wait_until

pytestmark = [pytest.mark.services, pytest.mark.slow]

LINES = 40


def files_with(folder: Path, word: str) -> list[str]:
    """Files, hidden ones and logs of databases too, in which the word stands as it was written."""
    wanted = word.encode()
    return [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and wanted in path.read_bytes()
    ]


def test_the_words_of_a_deleted_document_are_in_no_file(plant: Plant) -> None:
    words = {name: f"{name}{secrets.token_hex(12)}" for name in ("kept", "gone")}
    for name, word in words.items():
        lines = [f"Line {number} names {word} in hall {number}." for number in range(LINES)]
        run = plant.do("add", f"{name}.txt", "\n\n".join(lines))
        wait_until(lambda run=run: plant.do("run", run)["state"] == "done", "it is searchable")  # type: ignore[misc]
    data = plant.folder / "data"
    before = files_with(data, words["gone"])
    assert {path.split("/")[0].split(".")[0] for path in before} >= {"index", "kb", "files"}
    receipt = plant.do("delete", "gone.txt")
    said = plant.do("clean_up", receipt)
    assert said["state"] == "complete"
    assert said["removed"]["vectors"] == said["removed"]["chunks"] > 0
    assert files_with(data, words["gone"]) == []
    assert files_with(data, words["kept"]), "what was not deleted stays"
    assert plant.do("faults") == []
