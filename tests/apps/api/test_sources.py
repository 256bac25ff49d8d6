"""Sources over the API, and programs that push documents and say which are gone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import User
from apps.documents.models import Document
from apps.permissions.scope import entered, system_scope
from apps.sources.models import Source
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.api.conftest import Program, code_of
from tests.apps.engines.test_archives import zipped
from tests.apps.intake.test_unpacking import put
from tests.apps.sources.conftest import run, write

Api = Callable[..., Program]
pytestmark = pytest.mark.django_db


@pytest.fixture
def share(tmp_path: Path, settings: Any) -> Path:
    settings.SOURCE_FOLDERS = [tmp_path]
    return tmp_path / "share"


@pytest.fixture
def wanted(share: Path) -> dict[str, Any]:
    write(share / "a.md")
    return {"kind": "folder", "name": "Share", "settings": {"path": str(share), "only": ["*.md"]}}


def test_a_source_is_made_changed_run_and_ended(
    api_of: Api, alice: User, collection: Collection, wanted: dict[str, Any]
) -> None:
    program = api_of(alice)
    made = program.post(f"collections/{collection.pk}/sources", wanted)
    assert made.status_code == 201, made.content
    here = f"sources/{made.json()['id']}"
    assert program.get(here).json()["state"] == "queued"
    with system_scope("test: look"):
        source = Source.objects.get()
    run(source)
    shown = program.get(here).json()
    assert (shown["state"], shown["documents"], shown["last_run"]["added"]) == ("done", 1, 1)
    changed = program.patch(here, {"is_on": False, "schedule": {"daily_at": "04:00"}}).json()
    assert (changed["is_on"], changed["daily_at"], changed["next_run_at"]) == (
        False,
        "04:00:00",
        None,
    )
    again = program.post(f"{here}/runs", {"full": True})
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    assert len(program.get(f"{here}/runs").json()["items"]) == 2
    assert program.delete(f"{here}?documents=some").status_code == 400
    assert program.delete(here).status_code == 204
    assert program.get(here).status_code == 404


def test_what_a_program_leaves_out_is_as_usual(
    api_of: Api, alice: User, collection: Collection
) -> None:
    program = api_of(alice)
    body = {"kind": "website", "name": "Site", "settings": {"url": "https://example.org/"}}
    made = program.post(f"collections/{collection.pk}/sources", body).json()
    usual = {"how": "crawl", "depth": 3, "most": 1000, "with_files": True, "below": ""}
    assert made["settings"] == {"url": "https://example.org/", **usual}
    here = f"sources/{made['id']}"
    without = {"settings": {"url": "https://example.org/", "with_files": False}}
    assert program.patch(here, without).json()["settings"]["with_files"] is False
    assert program.patch(here, {"name": "Renamed"}).json()["settings"]["with_files"] is False


def test_a_password_goes_in_and_never_comes_out(
    api_of: Api, alice: User, collection: Collection
) -> None:
    program = api_of(alice)
    settings = {"url": "https://cloud.example.org/dav/", "username": "ann", "password": "geheim"}
    body = {"kind": "webdav", "name": "Cloud", "settings": settings}
    made = program.post(f"collections/{collection.pk}/sources", body)
    here = f"sources/{made.json()['id']}"
    for answer in (made, program.get(here), program.get(f"{here}/runs"), program.get("me")):
        assert b"geheim" not in answer.content
    moved = {"settings": {"url": "https://evil.example/dav/", "username": "ann"}}
    refused = program.patch(here, moved)
    assert refused.status_code == 400
    assert "password" in refused.json()["error"]["details"]["fields"]


def test_a_test_tells_each_step(
    api_of: Api, alice: User, collection: Collection, wanted: dict[str, Any], share: Path
) -> None:
    del wanted["name"]
    steps = api_of(alice).post(f"collections/{collection.pk}/sources/try", wanted).json()["steps"]
    assert [(step["passed"], step["found"]) for step in steps] == [
        (True, str(share)),
        (True, "a.md"),
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "telepathy"},
        {"settings": {"path": "/etc"}},
        {"settings": {}},
        {"settings": []},
        {"settings": {"path": "/etc", "pth": "/srv"}},
        {"name": ""},
        {"schedule": {"every_minutes": 1}},
        {"schedule": {"every_minutes": 60, "daily_at": "03:00"}},
        {"colour": "red"},
    ],
    ids=str,
)
def test_garbage_is_refused_with_its_field(
    api_of: Api,
    alice: User,
    collection: Collection,
    wanted: dict[str, Any],
    changed: dict[str, Any],
) -> None:
    answer = api_of(alice).post(f"collections/{collection.pk}/sources", wanted | changed)
    assert answer.status_code == 400
    assert code_of(answer) == "BAD_REQUEST"
    assert answer.json()["error"]["details"]["fields"]


def test_others_make_and_see_no_sources(
    api_of: Api,
    alice: User,
    bob: User,
    carol: User,
    collection: Collection,
    wanted: dict[str, Any],
) -> None:
    source = factories.make_source(collection, alice)
    sources = f"collections/{collection.pk}/sources"
    for user, status in ((bob, 403), (carol, 404)):
        program = api_of(user)
        assert program.get(sources).status_code == status
        assert program.post(sources, wanted).status_code == status
        assert program.post(f"{sources}/try", wanted).status_code == status
        assert program.get(f"sources/{source.pk}").status_code == 404
        assert program.delete(f"sources/{source.pk}").status_code == 404


def test_a_question_of_a_run_is_answered(api_of: Api, alice: User, collection: Collection) -> None:
    source = factories.make_source(collection, alice)
    asked = factories.make_source_run(source, state="asking", to_remove=12)
    program = api_of(alice)
    here = f"sources/{source.pk}/runs/{asked.pk}"
    assert program.get(here).json()["to_remove"] == 12
    refused = program.post(here, {"remove": 20})
    assert (refused.status_code, code_of(refused)) == (409, "CONFLICT")
    assert program.post(here, {"remove": 12}).status_code == 202
    assert program.post(here, {"remove": 12}).status_code == 409


# --- push -----------------------------------------------------------------------------------------
def pushed(collection: Collection, count: int, prefix: str = "erp-") -> None:
    for n in range(count):
        factories.make_document(
            collection, f"{prefix}{n}.txt", external_id=f"{prefix}{n}", is_indexed=False
        )


def left(collection: Collection) -> set[str]:
    with system_scope("test: look"):
        found = Document.objects.filter(collection=collection)
        return set(found.values_list("external_id", flat=True))


def ids(*numbers: int, prefix: str = "erp-") -> list[str]:
    return [f"{prefix}{n}" for n in numbers]


def test_what_is_not_in_the_list_is_removed_with_a_receipt(
    api_of: Api, alice: User, collection: Collection
) -> None:
    pushed(collection, 5)
    pushed(collection, 1, "crm-")
    factories.make_document(collection, "by hand.txt", is_indexed=False)
    pushed(collection, 1, "source:x:")
    program = api_of(alice)
    body = {"external_ids": ids(0, 1, 2, 3, 99), "prefix": "erp-"}
    answer = program.send("PUT", f"collections/{collection.pk}/external-ids", body).json()
    assert (answer["kept"], answer["unknown"]) == (4, ["erp-99"])
    (gone,) = answer["removed"]
    assert gone["external_id"] == "erp-4"
    assert program.get(f"deletions/{gone['receipt']}").status_code == 200
    assert left(collection) == {*ids(0, 1, 2, 3), "crm-0", "", "source:x:0"}
    again = program.send("PUT", f"collections/{collection.pk}/external-ids", body).json()
    assert again["removed"] == []


def test_a_list_that_would_remove_many_is_refused_until_it_is_confirmed(
    api_of: Api, alice: User, collection: Collection
) -> None:
    pushed(collection, 12)
    program = api_of(alice)
    address = f"collections/{collection.pk}/external-ids"
    refused = program.send("PUT", address, {"external_ids": ids(0)})
    assert (refused.status_code, code_of(refused)) == (409, "TOO_MANY_REMOVALS")
    assert refused.json()["error"]["details"] == {"would_remove": 11, "of": 12}
    empty = program.send("PUT", address, {"external_ids": [], "remove": 11})
    assert empty.status_code == 409
    assert len(left(collection)) == 12
    done = program.send("PUT", address, {"external_ids": ids(0), "remove": 11})
    assert len(done.json()["removed"]) == 11


def test_an_id_outside_the_prefix_is_refused(
    api_of: Api, alice: User, collection: Collection
) -> None:
    body = {"external_ids": ["crm-1"], "prefix": "erp-"}
    answer = api_of(alice).send("PUT", f"collections/{collection.pk}/external-ids", body)
    assert answer.status_code == 400


def test_one_is_removed_by_its_external_id(
    api_of: Api, alice: User, collection: Collection
) -> None:
    pushed(collection, 2)
    pushed(collection, 1, "source:x:")
    program = api_of(alice)
    address = f"collections/{collection.pk}/external-ids"
    assert program.delete(f"{address}?external_id=erp-1").status_code == 202
    assert program.delete(f"{address}?external_id=erp-1").status_code == 404
    assert program.delete(f"{address}?external_id=source:x:0").status_code == 404
    assert program.delete(address).status_code == 404
    assert [each["external_id"] for each in program.get(address).json()["items"]] == ["erp-0"]


def test_readers_and_strangers_remove_nothing(
    api_of: Api, bob: User, carol: User, collection: Collection
) -> None:
    pushed(collection, 2)
    address = f"collections/{collection.pk}/external-ids"
    for user, status in ((bob, 403), (carol, 404)):
        program = api_of(user)
        body = {"external_ids": ["erp-0"]}
        assert program.send("PUT", address, body).status_code == status
        assert program.delete(f"{address}?external_id=erp-0").status_code == status
    assert len(left(collection)) == 2


def test_an_archive_that_waits_is_removed_without_a_receipt(
    api_of: Api, alice: User, bob: User, carol: User, collection: Collection
) -> None:
    with entered(scope_of(alice)):
        put(collection, zipped({"a.txt": b"The pump."}), external_id="erp-7")
    address = f"collections/{collection.pk}/external-ids?external_id=erp-7"
    assert api_of(bob).delete(address).status_code == 403
    assert api_of(carol).delete(address).status_code == 404
    assert api_of(alice).delete(address).status_code == 204
    assert api_of(alice).delete(address).status_code == 404


def test_an_archive_of_a_source_is_not_removed_by_its_id(
    api_of: Api, alice: User, collection: Collection
) -> None:
    pushed(collection, 1, "source:x:a.zip!/")
    address = f"collections/{collection.pk}/external-ids?external_id=source:x:a.zip"
    assert api_of(alice).delete(address).status_code == 404
    assert left(collection) == {"source:x:a.zip!/0"}
