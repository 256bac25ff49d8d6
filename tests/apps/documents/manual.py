"""A document of three passages, and how tests look at it."""

from apps.accounts.models import User
from apps.documents.models import Chunk, Document, DocumentVersion, IngestRun
from apps.permissions.scope import system_scope
from apps.search.services import search
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As, add
from tests.apps.documents.runs import due, worked_off

# Three sections: three passages.
MANUAL = b"""# Notice

The notice period of this contract is ninety days.

# Cooling

Cooling units are inspected twice a year.

# Payment

Invoices are paid within thirty days.
"""


def work_off() -> None:
    """What workers do with everything that waits."""
    with system_scope("test: the workers"):
        due()
        for run in IngestRun.objects.filter(state=IngestRun.State.QUEUED).order_by("created_at"):
            worked_off(run)


def chunks(document: Document) -> list[Chunk]:
    with system_scope("test: look"):
        version = DocumentVersion.objects.get(
            pk=Document.objects.values_list("current", flat=True).get(pk=document.pk)
        )
        rows = Chunk.with_disabled.filter(version=version, cut=version.cut)
        return list(rows.order_by("ordinal").select_related("edit"))


def texts(document: Document) -> list[str]:
    return [chunk.text for chunk in chunks(document)]


def found(words: str, collection: Collection) -> list[str]:
    """The texts that the current actor finds, best first."""
    passed = search(question=words, collections=[collection.pk], log=False).passages
    return [passage.text for passage in passed]


def new_version(as_: As, person: User, collection: Collection, data: bytes) -> None:
    with as_(person):
        add(collection, data, "manual.md", on_existing="version")
    work_off()


def planted(as_: As, dora: User, collection: Collection) -> Document:
    """The document, searchable."""
    with as_(dora):
        added = add(collection, MANUAL, "manual.md")
    work_off()
    with system_scope("test: as it is now"):
        return Document.objects.get(pk=added.document.pk)
