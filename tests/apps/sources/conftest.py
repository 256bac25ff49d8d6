"""What the tests of sources share: a followed folder, and runs done here and now."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import User
from apps.core.errors import AppError
from apps.documents.models import Document
from apps.permissions.scope import Scope, system_scope
from apps.sources import services
from apps.sources.models import Source, SourceRun
from apps.sources.sync import sync
from apps.workspaces.models import Collection
from tests.apps.sources.served import Served, serving

As = Callable[[User], AbstractContextManager[Scope]]


@pytest.fixture
def share(tmp_path: Path, settings: Any) -> Path:
    """An allowed root with a folder that is followed."""
    root = tmp_path / "shares"
    (root / "handbook").mkdir(parents=True)
    settings.SOURCE_FOLDERS = [root]
    return root / "handbook"


def write(path: Path, text: str = "Opening hours are nine to five.", *, ago: float = 60) -> Path:
    """A file that was last changed some seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    at = time.time() - ago
    os.utime(path, (at, at))
    return path


@pytest.fixture
def follow(as_: As, alice: User, collection: Collection) -> Callable[..., Source]:
    """``follow("folder", {"path": …})``: alice's source, which has not run yet."""

    def make(kind: str, values: dict[str, Any], **more: Any) -> Source:
        with as_(more.pop("by", alice)):
            return services.create_source(
                collection=collection,
                kind=kind,
                name=more.pop("name", "Handbook"),
                values=values,
                schedule=more or {"every_minutes": 60},
            )

    return make


@pytest.fixture
def folder(follow: Callable[..., Source], share: Path) -> Source:
    return follow("folder", {"path": str(share)})


def run(source: Source, **values: Any) -> SourceRun:
    """One whole run, as a worker does it."""
    with system_scope("test: a worker"):
        started = services.start(source)
        if values:
            SourceRun.objects.filter(pk=started.pk).update(**values)
        sync(started.pk)
        return SourceRun.objects.get(pk=started.pk)


def differences(done: SourceRun) -> tuple[int, int, int]:
    """(added, changed, removed)."""
    return done.added, done.changed, done.removed


def names(collection: Collection) -> list[str]:
    """Names of the documents that are there, sorted."""
    with system_scope("test: look"):
        found = Document.objects.filter(collection=collection).values_list("name", flat=True)
        return sorted(found)


def codes(done: SourceRun) -> dict[str, str]:
    """Name → code of everything that was not taken."""
    return {each["name"]: each["code"] for each in done.problems}


def refusal(call: Callable[[], object]) -> AppError:
    with pytest.raises(AppError) as caught:
        call()
    return caught.value


@pytest.fixture
def site(settings: Any) -> Iterator[Served]:
    """A web server on loopback, which an administrator has allowed by name."""
    settings.SOURCE_PAUSE_S = 0.0
    with serving() as found:
        settings.SOURCE_HOSTS = [found.host]
        yield found
