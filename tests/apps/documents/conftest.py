"""What the tests of documents share."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from io import BytesIO
from typing import Any

import pytest

from apps.accounts.models import User
from apps.core.blobs import path_of
from apps.documents import services
from apps.documents.models import Chunk, Document, DocumentVersion, IngestRun
from apps.documents.services import Added
from apps.engines import factory
from apps.permissions.roles import Role
from apps.permissions.scope import Scope, current_scope, system_scope
from apps.workspaces.models import Collection
from tests import factories
from tests.apps.api.conftest import Program
from tests.apps.documents.plant import Plant

As = Callable[[User], AbstractContextManager[Scope]]
NOTICE = b"The notice period of this contract is ninety days.\n\nCooling is inspected twice a year."


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the product may catch it."""


@pytest.fixture
def dora(collection: Collection) -> User:
    """May add documents to ``collection``, by a grant."""
    user = factories.make_user("dora")
    factories.make_grant(collection, user, role=Role.CONTRIBUTOR)
    return user


@pytest.fixture
def api_of(db: None) -> Callable[[User], Program]:
    """``api_of(alice)``: a program with a key of alice."""
    return lambda user: Program(factories.make_api_key(user)[1])


@pytest.fixture
def manual(as_: As, dora: User, collection: Collection) -> Document:
    """Three passages, searchable; dora may change it, bob may read it."""
    from tests.apps.documents.manual import planted  # noqa: PLC0415 - it imports this file

    return planted(as_, dora, collection)


@pytest.fixture
def system() -> Iterator[Scope]:
    """The test runs as a job does."""
    with system_scope("test: as a job") as scope:
        yield scope


def add(
    collection: Collection, data: bytes = NOTICE, name: str = "notice.txt", **more: Any
) -> Added:
    return services.add_version(collection=collection, file=BytesIO(data), name=name, **more)


def searched(words: str, collection: Collection) -> str:
    """The texts that the keyword side finds for the current actor, fenced as a search is."""
    reach = current_scope().reach([collection.pk])
    hits = factory.index().by_words(words, reach, limit=10)
    found = Chunk.objects.filter(
        pk__in=[hit.chunk_id for hit in hits], document__deleted_at__isnull=True
    )
    return "\n".join(chunk.text for chunk in found)


def nothing_stored() -> bool:
    """No row, no file and no index entry of any document."""
    with system_scope("test: look everywhere"):
        rows = [
            Document.with_deleted.exists(),
            DocumentVersion.objects.exists(),
            IngestRun.objects.exists(),
            Chunk.objects.exists(),
        ]
    files = [path for path in path_of("0" * 64).parents[1].rglob("*") if path.is_file()]
    return not any(rows) and {path.name for path in files} <= {"lock"}


@pytest.fixture
def added(as_: As, alice: User, collection: Collection) -> Added:
    with as_(alice):
        return add(collection)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """An installation of real processes, one for all tests of a file."""
    made = Plant(tmp_path_factory.mktemp("plant"))
    try:
        made.start()
        yield made
    finally:
        made.stop()
