"""A file that comes in pieces: by key and by session, interrupted, twice at once, and as garbage."""

import errno
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.core import room
from apps.core.room import has_room
from apps.documents.models import Document
from apps.intake import parts, services, upkeep
from apps.intake.models import Upload
from apps.permissions.roles import KeyScope, Role
from apps.permissions.scope import system_scope
from apps.workspaces.models import Collection, CollectionGrant
from apps.workspaces.services import delete_collection
from tests import factories
from tests.apps.intake.conftest import NOTICE, PIECES, Tus, stored_documents


def files() -> list[Path]:
    return list(parts.folder().glob("*")) if parts.folder().exists() else []


def test_a_file_sent_in_pieces_becomes_a_document(
    inline_jobs: None, sender: Tus, collection: Collection
) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    assert sender.send(address, NOTICE[:20]).headers["Upload-Offset"] == "20"
    assert sender.offset(address) == 20
    assert sender.state(address)["state"] == "receiving"
    assert stored_documents() == []
    last = sender.send(address, NOTICE[20:], offset=20)
    assert (last.status_code, last["Upload-Offset"]) == (204, str(len(NOTICE)))
    state = sender.state(address)
    assert (state["state"], state["is_duplicate"], state["error"]) == ("taken", False, None)
    found = sender.ask("get", f"/api/v1/documents/{state['document']}").json()
    assert (found["name"], found["state"]) == ("notice.txt", "ready")
    assert files() == []


def test_its_folders_are_part_of_its_name(sender: Tus, collection: Collection) -> None:
    for folder in ("north", "south"):
        text = f"About the {folder}.".encode()
        sender.send(sender.at(collection, f"/plants/../{folder}/readme.txt", len(text)), text)
    assert stored_documents() == ["plants/north/readme.txt", "plants/south/readme.txt"]


def test_the_page_sends_with_its_session_and_its_token(
    client_of: Callable[[User], Client], alice: User, collection: Collection
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    browser.get("/")
    token = browser.cookies[next(name for name in browser.cookies if "csrf" in name)].value
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "5",
        "Upload-Metadata": "filename YS50eHQ=",
    }
    address = f"/api/v1/collections/{collection.pk}/uploads"
    assert browser.generic("POST", address, headers=headers).status_code == 403
    headers |= {"X-CSRFToken": token}
    begun = browser.generic("POST", address, headers=headers)
    assert begun.status_code == 201
    sent = {**headers, "Upload-Offset": "0"}
    assert browser.patch(begun["Location"], b"hello", PIECES, headers=sent).status_code == 204
    assert stored_documents() == ["a.txt"]


# --- interrupted ----------------------------------------------------------------------------------
def test_a_piece_for_another_place_is_refused_and_changes_nothing(
    sender: Tus, collection: Collection
) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    sender.send(address, NOTICE[:20])
    for offset in (0, 10, 21):
        response = sender.send(address, NOTICE[20:], offset=offset)
        assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")
    assert sender.offset(address) == 20


def test_more_than_was_announced_is_refused_and_not_kept(
    sender: Tus, collection: Collection
) -> None:
    address = sender.at(collection, "notice.txt", 10)
    assert sender.send(address, NOTICE).status_code == 413
    assert sender.offset(address) == 0


def test_two_that_send_at_once_do_not_meet(sender: Tus, collection: Collection) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    with system_scope("test"):
        upload = Upload.objects.get()
    with parts.held(upload.pk):
        assert sender.send(address, NOTICE).status_code == 423
    assert sender.send(address, NOTICE).status_code == 204


def test_a_process_that_ended_before_the_last_word_lost_nothing(
    sender: Tus, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Stands for SIGKILL."""

    def dies(**_more: Any) -> None:
        raise Killed

    address = sender.at(collection, "notice.txt", len(NOTICE))
    with monkeypatch.context() as patch:
        patch.setattr(services.documents, "add_version", dies)
        with pytest.raises(Killed):
            sender.send(address, NOTICE)
    assert sender.offset(address) == len(NOTICE)
    assert sender.state(address)["state"] == "receiving"
    for _ in range(2):
        assert sender.finish(address).json()["state"] == "taken"
    assert stored_documents() == ["notice.txt"]


def test_what_is_not_whole_cannot_be_finished(sender: Tus, collection: Collection) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    assert sender.finish(address).status_code == 409


def test_a_full_disk_keeps_what_had_come_before_and_says_so(
    sender: Tus, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    sender.send(address, NOTICE[:20])
    with monkeypatch.context() as patch:
        patch.setattr(parts.os, "fsync", _full)
        refused = sender.send(address, NOTICE[20:], offset=20)
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "DISK_FULL")
    assert sender.offset(address) == 20
    assert sender.send(address, NOTICE[20:], offset=20).status_code == 204
    assert stored_documents() == ["notice.txt"]


def _full(*_arguments: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_the_disk_has_no_room_for_is_refused_before_it_is_sent(
    sender: Tus, collection: Collection, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    usage = type("Usage", (), {"free": settings.DISK_RESERVE_BYTES + 8 * 1024 * 1024})
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _folder: usage)
    refused = sender.begin(collection, "large.txt", 9 * 1024 * 1024)
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "DISK_FULL")
    assert sender.begin(collection, "small.txt", 7 * 1024 * 1024).status_code == 201
    assert not has_room(9 * 1024 * 1024)


# --- what became of it ----------------------------------------------------------------------------
def test_a_taken_name_asks_and_the_answer_needs_no_second_sending(
    sender: Tus, collection: Collection
) -> None:
    for text in (b"Within thirty days.", b"Within sixty days.", b"Within ninety days."):
        address = sender.at(collection, "terms.txt", len(text))
        sender.send(address, text)
    state = sender.state(address)
    assert (state["state"], state["error"]["code"]) == ("asks", "NAME_TAKEN")
    done = sender.finish(address, on_existing="rename").json()
    assert done["state"] == "taken"
    assert stored_documents() == ["terms (2).txt", "terms.txt"]


def test_the_same_bytes_again_are_nothing_new(sender: Tus, collection: Collection) -> None:
    for is_duplicate in (False, True):
        address = sender.at(collection, "notice.txt", len(NOTICE))
        sender.send(address, NOTICE)
        assert sender.state(address)["is_duplicate"] is is_duplicate


def test_a_file_that_is_not_read_is_refused_with_its_reason_and_leaves_nothing(
    sender: Tus, collection: Collection
) -> None:
    address = sender.at(collection, "setup.exe", 4)
    assert sender.send(address, b"MZ\x00\x01").status_code == 204
    state = sender.state(address)
    assert (state["state"], state["error"]["code"]) == ("refused", "UNSUPPORTED")
    assert "not read" in state["error"]["message"]
    assert files() == []
    assert not [
        each for each in parts.folder().parent.rglob("*") if each.is_file() and each.name != "lock"
    ]


def test_a_new_version_comes_by_its_external_id(sender: Tus, collection: Collection) -> None:
    for text in (b"Within thirty days.", b"Within sixty days."):
        address = sender.at(collection, "terms.txt", len(text), external_id="terms")
        sender.send(address, text)
    found = sender.ask("get", f"/api/v1/documents/{sender.state(address)['document']}").json()
    assert [each["number"] for each in found["versions"]] == [2, 1]


# --- rights ---------------------------------------------------------------------------------------
def test_a_viewer_may_not_begin_and_a_stranger_sees_no_collection(
    tus: Callable[..., Tus], bob: User, carol: User, collection: Collection
) -> None:
    assert tus(bob).begin(collection, "a.txt", 5).status_code == 403
    assert tus(carol).begin(collection, "a.txt", 5).status_code == 404
    assert files() == []


def test_the_upload_of_somebody_else_is_not_there(
    sender: Tus, tus: Callable[..., Tus], carol: User, workspace: Any, collection: Collection
) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    colleague = factories.make_user()
    factories.make_member(workspace, colleague, role=Role.MANAGER)
    for other in (tus(colleague), tus(carol)):
        for method in ("get", "head", "delete"):
            assert other.ask(method, address).status_code == 404
        assert other.send(address, NOTICE).status_code == 404
        assert other.finish(address).status_code == 404
    assert sender.offset(address) == 0


def test_a_right_that_is_taken_away_stops_the_next_piece(
    tus: Callable[..., Tus], collection: Collection
) -> None:
    dora = factories.make_user()
    grant = factories.make_grant(collection, dora, role=Role.CONTRIBUTOR)
    sender = tus(dora)
    address = sender.at(collection, "notice.txt", len(NOTICE))
    sender.send(address, NOTICE[:20])
    with system_scope("test: her right is taken away"):
        CollectionGrant.objects.filter(pk=grant.pk).update(role=Role.VIEWER)
    assert sender.send(address, NOTICE[20:], offset=20).status_code == 403
    with system_scope("test: and that to see it"):
        CollectionGrant.objects.filter(pk=grant.pk).delete()
    assert sender.send(address, NOTICE[20:], offset=20).status_code == 404
    assert stored_documents() == []


def test_a_key_for_reading_may_not_send(
    tus: Callable[..., Tus], alice: User, collection: Collection
) -> None:
    reading = tus(alice, scope=KeyScope.READ)
    assert reading.begin(collection, "a.txt", 5).status_code == 403


# --- the protocol ---------------------------------------------------------------------------------
def test_its_limits_are_told_before_anything_is_sent(
    sender: Tus, collection: Collection, settings: Any
) -> None:
    told = sender.ask("options", f"/api/v1/collections/{collection.pk}/uploads")
    assert (told.status_code, told["Tus-Version"]) == (204, "1.0.0")
    assert told["Tus-Extension"] == "creation,expiration,termination"
    assert told["Tus-Max-Size"] == str(settings.UPLOAD_MAX_BYTES)


def test_another_version_of_the_protocol_is_refused(sender: Tus, collection: Collection) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    sender.headers["Tus-Resumable"] = "0.2.2"
    response = sender.send(address, NOTICE)
    assert (response.status_code, response["Tus-Version"]) == (412, "1.0.0")
    assert sender.begin(collection, "a.txt", 5).status_code == 412


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "many"}, 400),
        ({"Upload-Length": "9" * 40}, 400),
        ({"Upload-Length": "٣"}, 400),
        ({"Upload-Length": str(1 << 40)}, 413),
        ({"Upload-Length": "0"}, 422),
        ({"Upload-Metadata": "filename !!!"}, 400),
        ({"Upload-Metadata": "filename /w=="}, 400),
        ({"Upload-Metadata": ""}, 400),
        ({"Upload-Metadata": "filename YS50eHQ=,on_existing YQ=="}, 400),
        ({"Upload-Metadata": "filename YS50eHQ=,metadata W10="}, 400),
    ],
)
def test_garbage_is_refused(
    sender: Tus, collection: Collection, headers: dict[str, str], status: int
) -> None:
    sent = {"Upload-Length": "5", "Upload-Metadata": "filename YS50eHQ=", **headers}
    response = sender.client.post(
        f"/api/v1/collections/{collection.pk}/uploads",
        headers=sender.headers
        | {name: value.encode().decode("latin-1") for name, value in sent.items()},
    )
    assert response.status_code == status, response.content
    assert files() == []


def test_a_piece_must_say_what_and_where_it_is(sender: Tus, collection: Collection) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    headers = sender.headers | {"Upload-Offset": "0"}
    wrong = sender.client.patch(address, NOTICE, content_type="text/plain", headers=headers)
    assert wrong.status_code == 415
    assert sender.send(address, NOTICE, **{"Upload-Offset": "x"}).status_code == 400


def test_a_client_without_patch_says_it_otherwise(sender: Tus, collection: Collection) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    headers = sender.headers | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    sent = sender.client.post(address, NOTICE, content_type=PIECES, headers=headers)
    assert sent.status_code == 204
    assert sender.ask("post", address).status_code == 405
    assert stored_documents() == ["notice.txt"]


# --- ends -----------------------------------------------------------------------------------------
def test_a_cancelled_upload_is_gone_with_its_bytes(sender: Tus, collection: Collection) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    sender.send(address, NOTICE[:20])
    assert sender.ask("delete", address).status_code == 204
    assert sender.ask("head", address).status_code == 404
    assert files() == []


def test_an_upload_that_expired_is_gone_and_then_forgotten(
    sender: Tus, collection: Collection
) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    sender.send(address, NOTICE[:20])
    with system_scope("test: two days pass"):
        upkeep.sweep()
        assert sender.offset(address) == 20
        Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert sender.ask("head", address).status_code == 404
        assert sender.send(address, NOTICE[20:], offset=20).status_code == 404
        upkeep.sweep()
        assert not Upload.objects.exists()
    assert files() == []


def test_bytes_without_a_row_go_once_they_are_old(
    sender: Tus, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    (parts.folder() / "left-behind.part").write_bytes(b"x")
    with system_scope("test: the clock"):
        upkeep.sweep()
        assert len(files()) == 2
        monkeypatch.setattr(parts, "YOUNG_S", -1)
        upkeep.sweep()
    assert [path.stem in address for path in files()] == [True]


def test_what_is_on_its_way_goes_with_its_collection(
    sender: Tus,
    alice: User,
    collection: Collection,
    as_: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    sender.send(address, NOTICE[:20])
    with as_(alice), django_capture_on_commit_callbacks(execute=True):
        delete_collection(collection=Collection.objects.get(pk=collection.pk))
    assert sender.ask("head", address).status_code == 404
    assert files() == []


def test_nobody_begins_uploads_without_end(
    sender: Tus, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_OPEN", 2)
    for _ in range(2):
        sender.at(collection, "a.txt", 5)
    assert sender.begin(collection, "a.txt", 5).status_code == 429


def test_an_unfinished_upload_counts_nowhere(sender: Tus, collection: Collection) -> None:
    address = sender.at(collection, "notice.txt", len(NOTICE))
    sender.send(address, NOTICE[:20])
    balance = sender.ask("get", f"/api/v1/collections/{collection.pk}/balance").json()
    assert balance["received"] == 0
    with system_scope("test"):
        assert not Document.with_deleted.exists()
