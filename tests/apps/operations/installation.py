"""A small installation in a process of its own: ``python -m tests.apps.operations.installation``.

``fill``: a person, a workspace, a document with a passage that she edited, one that is deleted again, an API key. ``ask``: what
that person finds. The index is the fake one in memory, so ``ask`` starts with an empty one.
"""

import io
import json
import sys
from collections.abc import Mapping
from contextvars import Context
from typing import Any
from uuid import UUID

import django

django.setup()

from celery import current_app  # noqa: E402

from apps.accounts.models import User  # noqa: E402
from apps.core import jobs  # noqa: E402
from apps.core.sealing import seal, unseal  # noqa: E402
from apps.documents import ingest, services  # noqa: E402
from apps.documents.models import Chunk, Document, IngestRun  # noqa: E402
from apps.documents.passages import services as passages  # noqa: E402
from apps.engines.models import Endpoint  # noqa: E402
from apps.permissions.scope import entered, system_scope  # noqa: E402
from apps.search.services import search  # noqa: E402
from apps.workspaces.models import Collection  # noqa: E402
from apps.workspaces.scopes import scope_of  # noqa: E402
from tests import factories  # noqa: E402

QUESTION = "What is the notice period of the contract?"
EDITED = "The notice period of the contract is ninety days. Weekends count."
TEXT = "The notice period of the contract is ninety days.\n\nCooling units are inspected in May."


def fill() -> None:
    """Documents come in as they do for a person: uploaded, parsed, embedded, published."""
    current_app.loader.import_default_modules()
    jobs._send = _run_now
    alice = factories.make_user("alice")
    factories.make_api_key(alice)
    workspace = factories.make_workspace("Procurement", manager=alice)
    collection = factories.make_collection(workspace, "Contracts")
    with entered(scope_of(alice)):
        contract = _add(collection, "contract.txt", TEXT)
        chunk = Chunk.objects.get(document=contract)
        passages.edit(document=contract, chunk_id=chunk.pk, text=EDITED, number=0)
        gone = _add(collection, "gone.txt", "The notice period of this contract is one day.")
        services.delete_document(document=gone)
    Endpoint.objects.create(
        name="vLLM", base_url="http://localhost/v1", model="m", sealed_key=seal("key of a server")
    )


def ask() -> None:
    """Index what is queued, then ask as alice; print what she finds as JSON."""
    with system_scope("test: what the workers would do"):
        for run in list(IngestRun.objects.filter(state=IngestRun.State.QUEUED)):
            ingest.embed(run.pk)
    alice = User.objects.get(email="alice@example.com")
    with entered(scope_of(alice)):
        found = search(question=QUESTION, limit=3)
        names = sorted(Document.objects.values_list("name", flat=True))
    texts = [passage.text for passage in found.passages]
    edited = found.passages[0].edited
    key = unseal(Endpoint.objects.get(name="vLLM").sealed_key)
    sys.stdout.write(
        json.dumps(
            {
                "passages": texts,
                "original": edited.original if edited else "",
                "documents": names,
                "key": key,
            }
        )
    )


def _add(collection: Collection, name: str, text: str) -> Document:
    added = services.add_version(collection=collection, file=io.BytesIO(text.encode()), name=name)
    return added.document


def _run_now(job: jobs.Job, kwargs: Mapping[str, Any], *, countdown: float = 0) -> None:
    if countdown == 0:
        Context().run(current_app.tasks[job.name].apply, kwargs=dict(kwargs), throw=True)


def stop_in_the_middle() -> None:
    """A run that a worker holds while the backup is taken."""
    with system_scope("test: a run in the middle"):
        document = Document.objects.get(name="contract.txt")
        IngestRun.objects.create(
            collection_id=document.collection_id,
            document=document,
            version_id=UUID(str(document.current_id)),
            stage=IngestRun.Stage.EMBED,
        )


if __name__ == "__main__":
    {"fill": fill, "ask": ask, "stop-in-the-middle": stop_in_the_middle}[sys.argv[1]]()
