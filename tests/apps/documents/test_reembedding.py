"""Another embedding model: its table is filled beside the one that answers, and takes over when it
is full. Nothing is lost, doubled or kept on the way."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import AppError
from apps.documents import ingest, queries, services
from apps.documents.embedding import services as reembedding
from apps.documents.models import Document, IngestRun
from apps.documents.runs import upkeep
from apps.engines import factory
from apps.engines import services as engines
from apps.engines.adapters.memory_index import MemoryIndex
from apps.engines.models import EmbeddingProfile, Endpoint
from apps.permissions.scope import ScopeDenied, system_scope
from apps.rag.ports import EngineRejected
from apps.workspaces.models import Collection
from tests import factories
from tests.apps.documents.conftest import As, add, searched
from tests.apps.documents.runs import lapse
from tests.fake_openai import FakeOpenAI

URL = "/administration/embedding"


@pytest.fixture
def server(db: None) -> Iterator[Endpoint]:
    with FakeOpenAI() as running:
        yield Endpoint.objects.create(
            kind="embeddings", name="TEI", base_url=running.base_url, model="bge-m3"
        )


@pytest.fixture
def document(collection: Collection) -> Document:
    return factories.make_document(collection, "notice.txt")


def table(profile: EmbeddingProfile) -> dict[str, int]:
    profile.refresh_from_db()
    return factory.index(profile).versions()


def work(turns: int = 12) -> None:
    """What sweeper and workers do until nothing is left to do."""
    with system_scope("test: a worker"):
        for _ in range(turns):
            IngestRun.objects.filter(state="queued").update(not_before=None)
            upkeep.sweep()
            ingest.parse()
            ingest.embed()


def live() -> EmbeddingProfile:
    return EmbeddingProfile.objects.get(is_current=True)


def begun(as_: As, admin: User, server: Endpoint) -> EmbeddingProfile:
    factory.wiring()  # the live profile is there, and has the first table
    with as_(admin):
        return reembedding.begin(endpoint=server)


def test_the_new_table_takes_over_when_it_is_full_and_the_old_one_is_kept(
    as_: As, admin: User, alice: User, server: Endpoint, document: Document, collection: Collection
) -> None:
    old = factory.wiring().profile
    new = begun(as_, admin, server)
    assert (new.model, new.dimensions) == ("bge-m3", 384)
    assert live() == old
    with as_(alice):
        assert "ninety days" in searched("notice period", collection)
        assert queries.state_of(document) == "ready"  # people see nothing of it
    work()
    assert live() == new
    assert table(new) == table(old) == {str(document.current_id): 2}
    server.refresh_from_db()
    assert server.is_active
    with as_(alice):
        assert "ninety days" in searched("notice period", collection)
    assert reembedding.kept() == [old]


def test_what_is_uploaded_meanwhile_goes_into_both_and_what_is_deleted_leaves_both(
    as_: As, admin: User, alice: User, server: Endpoint, document: Document, collection: Collection
) -> None:
    old = factory.wiring().profile
    new = begun(as_, admin, server)
    with as_(alice):
        added = add(collection, b"Cooling water is tested every week.", "water.txt")
    with system_scope("test: a worker"):
        for _ in range(3):
            ingest.parse()
            ingest.embed()
    with as_(alice):
        services.delete_document(document=document)
    work()
    assert live() == new
    assert str(added.version.pk) in table(new)
    assert str(added.version.pk) in table(old)


def test_a_new_version_meanwhile_is_the_one_that_answers_afterwards(
    as_: As, admin: User, alice: User, server: Endpoint, document: Document, collection: Collection
) -> None:
    new = begun(as_, admin, server)
    with as_(alice):
        added = add(
            collection, b"The notice period is thirty days.", "notice.txt", on_existing="version"
        )
    work()
    assert live() == new
    assert list(table(new)) == [str(added.version.pk)]


def test_a_document_that_the_model_refuses_stops_the_switch_until_somebody_decides(
    as_: As,
    admin: User,
    server: Endpoint,
    collection: Collection,
    document: Document,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = factory.wiring().profile
    bad = factories.make_document(collection, "bad.txt", texts=["Unspeakable."])
    new = begun(as_, admin, server)
    embed = factory.embedder().embed_passages

    def refusing(texts: list[str]) -> object:
        if any("Unspeakable" in text for text in texts):
            raise EngineRejected("too long")
        return embed(texts)

    with monkeypatch.context() as patched:
        patched.setattr(factory.embedder(), "embed_passages", refusing)
        work(30)
    assert live() == old
    told = reembedding.progress(new)
    assert (told.failed, told.waiting, told.is_stuck) == (1, 0, True)
    with as_(admin):
        assert reembedding.try_again() == 1
    work()
    assert live() == new
    assert set(table(new)) == {str(document.current_id), str(bad.current_id)}


def test_an_administrator_may_let_it_take_over_without_what_was_refused(
    as_: As,
    admin: User,
    server: Endpoint,
    document: Document,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = begun(as_, admin, server)
    with monkeypatch.context() as patched:

        def refuse(_texts: list[str]) -> object:
            raise EngineRejected("too long")

        patched.setattr(factory.embedder(), "embed_passages", refuse)
        work(30)
    with as_(admin):
        assert reembedding.switch_anyway()
    assert live() == new


def test_a_worker_that_is_killed_on_the_way_loses_nothing(
    as_: As, admin: User, server: Endpoint, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = begun(as_, admin, server)
    add_rows = MemoryIndex.add

    def die(self: MemoryIndex, versions: object) -> None:
        add_rows(self, versions)  # type: ignore[arg-type]
        raise SystemExit  # after the rows, before anybody knows of them

    with monkeypatch.context() as patched:
        patched.setattr(MemoryIndex, "add", die)
        with pytest.raises(SystemExit):
            work()
    with system_scope("test: time passes"):
        lapse(IngestRun.objects.get(profile=new).pk)
    work()
    assert live() == new
    assert table(new) == {str(document.current_id): 2}


def test_what_is_cancelled_leaves_nothing(
    as_: As, admin: User, server: Endpoint, document: Document
) -> None:
    old = factory.wiring().profile
    new = begun(as_, admin, server)
    with system_scope("test: a worker"):
        ingest.embed()
    with as_(admin):
        reembedding.cancel()
    work()
    assert live() == old
    assert EmbeddingProfile.objects.filter(pk=new.pk).exists()  # somebody may still be writing
    long_ago = timezone.now() - reembedding.GRACE - timedelta(seconds=1)
    EmbeddingProfile.objects.filter(pk=new.pk).update(released_at=long_ago)
    rows = factory.index(new)
    work()
    assert list(EmbeddingProfile.objects.all()) == [old]
    assert rows.versions() == {}
    with system_scope("test: look"):
        assert not IngestRun.objects.filter(profile__isnull=False).exists()


def test_one_can_go_back_and_finds_what_came_since(
    as_: As, admin: User, alice: User, server: Endpoint, document: Document, collection: Collection
) -> None:
    old = factory.wiring().profile
    begun(as_, admin, server)
    work()
    with as_(alice):
        added = add(collection, b"Cooling water is tested every week.", "water.txt")
    work()
    assert str(added.version.pk) in table(live())  # also where a worker knew of the old one only
    with as_(admin):
        reembedding.begin_again(profile=old)
    work()
    assert live() == old
    assert set(table(old)) == {str(document.current_id), str(added.version.pk)}
    server.refresh_from_db()
    assert not server.is_active


def test_there_is_one_table_at_a_time_and_none_for_nothing(
    as_: As, admin: User, server: Endpoint, document: Document
) -> None:
    begun(as_, admin, server)
    with as_(admin):
        for refused in (server, None):
            with pytest.raises(AppError) as caught:
                reembedding.begin(endpoint=refused)
            assert caught.value.status == 409
        with pytest.raises(AppError):
            engines.delete_endpoint(endpoint=server)


def test_a_server_with_the_only_copy_of_the_model_stays(
    as_: As, admin: User, server: Endpoint, document: Document
) -> None:
    begun(as_, admin, server)
    work()
    server.refresh_from_db()
    with as_(admin):
        for refuse in (
            lambda: engines.set_active(endpoint=server, is_active=False),
            lambda: engines.delete_endpoint(endpoint=server),
            lambda: engines.save_endpoint(endpoint=server, model="another"),
        ):
            with pytest.raises(AppError):
                refuse()
            server.refresh_from_db()


def test_a_server_that_does_not_embed_is_not_begun_with(
    as_: As, admin: User, document: Document
) -> None:
    nobody = Endpoint.objects.create(
        kind="embeddings", name="off", base_url="http://127.0.0.1:9/v1", model="x"
    )
    with as_(admin), pytest.raises(AppError) as caught:
        reembedding.begin(endpoint=nobody)
    assert caught.value.status == 422
    assert EmbeddingProfile.objects.filter(is_filling=True).count() == 0


def test_the_command_line_does_it_too(
    server: Endpoint, document: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    factory.wiring()
    call_command("reembed", endpoint="TEI")
    told = capsys.readouterr().out
    assert "2 passages, about 0 minutes." in told
    assert "bge-m3: 0 of 2 passages" in told
    call_command("reembed", cancel=True)
    assert "No table is being filled." in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("reembed", endpoint="nobody")


# --- the page -------------------------------------------------------------------------------------
def test_the_page_says_what_it_takes_and_how_far_it_is(
    admin: User, server: Endpoint, document: Document, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(admin)
    asked = browser.post(f"{URL}/cost", {"endpoint": str(server.pk)}).content.decode()
    assert "This embeds 2 passages of 1 documents again" in asked
    assert browser.post(f"{URL}/begin", {"endpoint": str(server.pk)})["Location"] == URL
    page = browser.get(URL).content.decode()
    assert "0 of 2 passages" in page
    assert "bge-m3" in page
    again = browser.post(f"{URL}/begin", {"endpoint": str(server.pk)})
    assert again.status_code == 409
    assert "being filled already" in again.content.decode()
    assert browser.post(f"{URL}/decide", {"decision": "cancel"}).status_code == 302
    assert "being filled" not in browser.get(URL).content.decode().lower()


def test_it_is_for_administrators(
    as_: As, alice: User, server: Endpoint, document: Document, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(alice)
    assert browser.get(URL).status_code == 403
    for path in ("cost", "begin", "decide"):
        assert browser.post(f"{URL}/{path}", {"endpoint": str(server.pk)}).status_code == 403
    with as_(alice):
        for verb in (
            lambda: reembedding.begin(endpoint=server),
            lambda: reembedding.release(profile=factory.wiring().profile),
            reembedding.cancel,
            reembedding.try_again,
            reembedding.switch_anyway,
        ):
            with pytest.raises(ScopeDenied):
                verb()


def test_garbage_is_refused(
    admin: User, document: Document, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(admin)
    assert browser.post(f"{URL}/cost", {"endpoint": "no id"}).status_code == 404
    assert browser.post(f"{URL}/decide", {"decision": "dance"}).status_code == 400
    assert browser.post(f"{URL}/{document.pk}/release").status_code == 404
    current = EmbeddingProfile.objects.get(is_current=True)
    assert browser.post(f"{URL}/{current.pk}/release").status_code == 409
