"""A mailbox: one document a message, asked for once, deleted here only if that was chosen."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.documents.models import Document
from apps.documents.queries import blocks_of
from apps.permissions.scope import system_scope
from apps.sources.connectors.mailbox import _quoted
from apps.sources.models import Source
from apps.workspaces.models import Collection
from tests.apps.sources.conftest import differences, names, refusal, run
from tests.apps.sources.imapd import Mails, receiving

pytestmark = pytest.mark.django_db
Follow = Callable[..., Source]


@pytest.fixture
def mails(settings: Any) -> Iterator[Mails]:
    with receiving() as found:
        settings.SOURCE_HOSTS = [f"127.0.0.1:{found.port}"]
        found.add(3, "Lease", "The lease runs for three years.")
        found.add(5, "=?utf-8?b?5ZCI5ZCM?=", "合同为期三年。")
        yield found


def values(mails: Mails, **more: Any) -> dict[str, Any]:
    signing_in = {"username": "ann", "password": "geheim"}
    server = {"host": "127.0.0.1", "port": mails.port, "security": "none"}
    return {**server, **signing_in, "follows_deletions": True, **more}


def test_messages_come_once_and_go(mails: Mails, follow: Follow, collection: Collection) -> None:
    for uid in range(10, 15):
        mails.add(uid, f"Note {uid}", "text")
    source = follow("imap", values(mails))
    done = run(source)
    assert (done.state, differences(done)) == ("done", (7, 0, 0))
    assert "INBOX/2024-05-06 合同.eml" in names(collection)
    mails.fetched.clear()
    mails.add(20, "New", "text")
    del mails.folders["INBOX"][3]
    assert differences(run(source)) == (1, 0, 1)
    assert len(mails.fetched) == 2, "the heads of what is new, and its text"


def test_the_text_of_a_message_is_read(
    mails: Mails, follow: Follow, collection: Collection, inline_jobs: None
) -> None:
    run(follow("imap", values(mails)))
    with system_scope("test: look"):
        version = Document.objects.get(name__contains="合同").versions.get()
        assert any("合同为期三年" in block.text for block in blocks_of(version))
        assert (
            Document.objects.get(name__contains="Lease").metadata["from"] == "Ann <ann@example.org>"
        )


def test_deleted_messages_stay_here_unless_that_was_chosen(
    mails: Mails, follow: Follow, collection: Collection
) -> None:
    source = follow("imap", values(mails, follows_deletions=False))
    run(source)
    mails.folders["INBOX"].clear()
    done = run(source)
    assert (done.state, done.removed) == ("done", 0)
    assert len(names(collection)) == 2


def test_folders_are_chosen_and_a_missing_one_removes_nothing(
    mails: Mails, follow: Follow, collection: Collection
) -> None:
    mails.add(1, "Inside", "text", folder="&XfJSIJZk-")
    mails.add(1, "Else", "text", folder="Else")
    source = follow("imap", values(mails, folders="INBOX\n已删除"))
    run(source)
    assert len(names(collection)) == 3
    del mails.folders["&XfJSIJZk-"]
    done = run(source)
    assert (done.error_code, done.removed) == ("SOURCE_INCOMPLETE", 0)
    assert len(names(collection)) == 3


def test_a_mailbox_that_was_made_anew_asks_before_it_removes(
    mails: Mails, follow: Follow, collection: Collection
) -> None:
    for uid in range(10, 22):
        mails.add(uid, f"Note {uid}", f"text {uid}")
    source = follow("imap", values(mails))
    run(source)
    mails.validity = 2
    assert run(source).state == "asking"


def test_a_wrong_password_and_a_server_that_is_away_are_told_apart(
    mails: Mails, follow: Follow, settings: Any
) -> None:
    wrong = follow("imap", values(mails, password="wrong"))
    assert run(wrong).error_code == "SOURCE_REFUSED"
    settings.SOURCE_HOSTS = ["127.0.0.1"]
    away = follow("imap", values(mails, port=1), name="Away")
    assert run(away).error_code == "SOURCE_UNREACHABLE"


def test_an_internal_server_is_refused_unless_it_is_named(
    mails: Mails, follow: Follow, settings: Any
) -> None:
    settings.SOURCE_HOSTS = ["127.0.0.1:1"]
    assert run(follow("imap", values(mails))).error_code == "SOURCE_NOT_ALLOWED"


@pytest.mark.parametrize(
    "spoilt",
    [
        b"* 1 FETCH (UID 3 BODY[] {99999999999}\r\n",
        b"* nonsense\r\n",
        b"\xff\xfe\r\n",
        b"* 1 FETCH ()\r\n",
    ],
)
def test_a_server_that_talks_nonsense_does_no_harm(
    mails: Mails, follow: Follow, collection: Collection, spoilt: bytes
) -> None:
    source = follow("imap", values(mails))
    run(source)
    before = names(collection)
    mails.add(9, "More", "text")
    mails.spoilt = spoilt
    done = run(source)
    assert done.state in {"done", "failed"}
    assert done.error_code != "INTERNAL"
    assert names(collection) == before


@pytest.mark.parametrize("folder", ["INBOX\r\nA1 DELETE INBOX", "a\0b"])
def test_a_folder_is_no_command(mails: Mails, follow: Follow, folder: str) -> None:
    error = refusal(lambda: follow("imap", values(mails, folders=[folder])))
    assert "folders" in error.details["fields"]


@pytest.mark.parametrize(
    ("folder", "written"),
    [
        ("INBOX", '"INBOX"'),
        ("已删除", '"&XfJSIJZk-"'),
        ("R&D", '"R&-D"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("Entwürfe 2", '"Entw&APw-rfe 2"'),
    ],
)
def test_folders_are_written_as_the_protocol_wants(folder: str, written: str) -> None:
    assert _quoted(folder) == written
