"""SQL is right: index and disk are brought in step with it."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from apps.core import blobs
from apps.documents import ingest
from apps.documents.deletion import reconcile
from apps.documents.models import Document, DocumentVersion, IngestRun
from apps.documents.runs import parsed, upkeep
from apps.engines import factory
from apps.engines.adapters.memory_index import MemoryIndex
from apps.permissions.scope import Scope
from apps.rag.ports import EmbeddedChunk, EmbeddedVersion, EngineUnavailable
from apps.workspaces.models import Collection
from tests import factories

LONG_AGO = time.time() - 2 * reconcile.YOUNG_S


@pytest.fixture(autouse=True)
def _as_a_job(system: Scope) -> None:
    """Upkeep runs as a job."""


def aged(path: Path) -> Path:
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_rows_of_versions_that_are_gone_are_dropped(collection: Collection) -> None:
    kept = factories.make_document(collection)
    gone = factories.make_document(collection, texts=["Something that was deleted."])
    Document.objects.filter(pk=gone.pk).delete()
    reconcile.run(is_repairing=True)
    assert list(factory.index().versions()) == [str(kept.current_id)]


def test_rows_of_a_version_that_is_being_embedded_stay(collection: Collection) -> None:
    document = factories.make_document(collection)
    Document.objects.filter(pk=document.pk).update(current=None)
    IngestRun.objects.update(state=IngestRun.State.RUNNING, stage=IngestRun.Stage.PUBLISH)
    reconcile.run(is_repairing=True)
    assert str(document.current_id) in factory.index().versions()


@pytest.mark.parametrize("rows", [0, 1], ids=["none", "half"])
def test_a_current_version_that_the_index_lost_is_indexed_again(
    collection: Collection, rows: int
) -> None:
    document = factories.make_document(collection)
    chunk = EmbeddedChunk(str(document.pk), str(document.pk), "half", [1.0] * 384)
    name = str(document.current_id)
    factory.index().drop([name])
    if rows:
        factory.index().add([EmbeddedVersion(name, str(collection.pk), [chunk])])
    reconcile.run(is_repairing=True)
    reconcile.run(is_repairing=True)
    run = IngestRun.objects.get(state=IngestRun.State.QUEUED)
    ingest.embed(run.pk)
    assert factory.index().count(name) == DocumentVersion.objects.get().chunk_count == 2


def test_files_that_nothing_refers_to_are_removed_once_they_are_old(
    collection: Collection,
) -> None:
    document = factories.make_document(collection)
    version = DocumentVersion.objects.get()
    parsed.keep(version, [])
    stray = blobs.store([b"nobody's"], max_bytes=100)
    young = blobs.store([b"an upload that has not committed yet"], max_bytes=100)
    aged(stray.path)
    aged(blobs.path_of(version.sha256))
    left = aged(_file(Path(settings.BLOB_DIR) / "tmp" / "upload"))
    arriving = _file(Path(settings.BLOB_DIR) / "tmp" / "arriving")
    reconcile.run(is_repairing=True)
    assert not stray.path.exists()
    assert not left.exists()
    assert young.path.exists()
    assert arriving.exists()
    assert blobs.path_of(version.sha256).exists()
    assert parsed.path_of(version).exists()
    Document.objects.filter(pk=document.pk).delete()
    reconcile.run(is_repairing=True)
    assert not parsed.path_of(version).exists()
    assert not blobs.path_of(version.sha256).exists()


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_an_index_that_is_down_is_looked_at_the_next_time(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_args: object, **_kwargs: object) -> Any:
        raise EngineUnavailable

    stray = blobs.store([b"nobody's"], max_bytes=100)
    aged(stray.path)
    monkeypatch.setattr(MemoryIndex, "versions", down)
    monkeypatch.setattr(MemoryIndex, "optimize", down)
    reconcile.run(is_repairing=True)
    upkeep.optimize()
    assert not stray.path.exists(), "files are looked after all the same"
