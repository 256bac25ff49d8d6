"""What people and the clock do in an installation, in a process of its own: one command a line
in, one answer a line out. ``python -m tests.apps.documents.driver``"""

import io
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.models import Count  # noqa: E402
from django.utils import timezone  # noqa: E402

from apps.accounts.models import User  # noqa: E402
from apps.core.errors import AppError  # noqa: E402
from apps.documents import services  # noqa: E402
from apps.documents.deletion import erase  # noqa: E402
from apps.documents.models import Chunk, DeletionReceipt, Document, IngestRun  # noqa: E402
from apps.documents.passages import services as passages  # noqa: E402
from apps.documents.runs import upkeep  # noqa: E402
from apps.engines import factory  # noqa: E402
from apps.permissions.scope import entered, system_scope  # noqa: E402
from apps.workspaces.models import Collection  # noqa: E402
from apps.workspaces.scopes import scope_of  # noqa: E402
from tests import factories  # noqa: E402


def set_up() -> None:
    call_command("migrate", verbosity=0)
    alice = factories.make_user("alice")
    factories.make_collection(factories.make_workspace(manager=alice), "Contracts")


def add(name: str, text: str) -> str:
    alice = User.objects.get(email="alice@example.com")
    with entered(scope_of(alice)):
        collection = Collection.objects.get()
        file = io.BytesIO(text.encode())
        added = services.add_version(collection=collection, file=file, name=name)
    return str(added.run.pk)


def add_many(prefix: str, count: int) -> None:
    for number in range(count):
        add(f"{prefix} {number}.txt", f"About {prefix}: valve {number} is open.")


def add_file(path: str) -> str:
    """The run of a file, or why it was refused."""
    alice = User.objects.get(email="alice@example.com")
    with entered(scope_of(alice)):
        collection, file = Collection.objects.get(), Path(path)
        try:
            added = services.add_version(collection=collection, file=file, name=file.name)
        except AppError as error:
            return str(error.code)
    return str(added.run.pk)


def ends() -> dict[str, int]:
    """How many runs there are of each state."""
    counted = IngestRun.objects.values_list("state").annotate(Count("pk"))
    return dict(counted.order_by())


def reasons() -> dict[str, str]:
    """Why documents failed, by name."""
    failed = IngestRun.objects.filter(state=IngestRun.State.FAILED)
    return dict(failed.values_list("document__name", "error_code"))


def reading() -> list[str]:
    """Names of what is being read."""
    running = IngestRun.objects.filter(state=IngestRun.State.RUNNING, stage=IngestRun.Stage.PARSE)
    return list(running.values_list("document__name", flat=True))


def edit(name: str, text: str) -> str:
    """Alice gives the first passage of a document another text; the run that follows."""
    alice = User.objects.get(email="alice@example.com")
    with entered(scope_of(alice)):
        document = Document.objects.get(name=name)
        chunk = Chunk.objects.filter(version=document.current_id).order_by("ordinal")[0]
        number = chunk.edit.number if chunk.edit else 0
        passages.edit(document=document, chunk_id=chunk.pk, text=text, number=number)
        run = IngestRun.objects.filter(document=document).order_by("-created_at", "-pk")[0]
    return str(run.pk)


def indexed(name: str) -> list[str]:
    """The texts that the index holds of a document."""
    version = str(Document.objects.get(name=name).current_id)
    return [one.text for one in factory.index().embedded(version)]


def delete(name: str) -> str:
    alice = User.objects.get(email="alice@example.com")
    with entered(scope_of(alice)):
        return str(services.delete_document(document=Document.objects.get(name=name)).pk)


def clean_up(receipt_id: str) -> dict[str, Any]:
    """The job, here and now; then its receipt."""
    erase.clean_up(UUID(receipt_id))
    receipt = DeletionReceipt.objects.get(pk=receipt_id)
    return {"state": receipt.state, "removed": receipt.removed}


def forget_failed() -> None:
    """What was set aside is deleted, so that the next test counts no fault."""
    Document.objects.filter(current=None).delete()


def run(run_id: str) -> dict[str, Any]:
    found = IngestRun.objects.filter(pk=run_id)
    return dict(found.values("state", "stage", "done", "attempt", "error_code")[0])


def leases_lapse() -> None:
    """A minute passes in which nobody extends a lease, and the sweeper comes by."""
    past = timezone.now() - timedelta(seconds=1)
    IngestRun.objects.filter(state=IngestRun.State.RUNNING).update(lease_until=past)
    messages_are_due()


def messages_are_due() -> None:
    """Minutes pass in which no message arrived, and the sweeper comes by."""
    past = timezone.now() - timedelta(seconds=1)
    IngestRun.objects.filter(state=IngestRun.State.QUEUED).update(not_before=past)
    upkeep.sweep()


def faults() -> list[str]:
    """What is lost or doubled; nothing, it is hoped."""
    found = []
    for document in Document.objects.select_related("current"):
        version = document.current
        if version is None:
            found.append(f"{document.name} was lost")
            continue
        rows = Chunk.objects.filter(version=version).count()
        indexed = factory.index().count(str(version.pk))
        if not rows == version.chunk_count == indexed:
            found.append(f"{document.name}: {version.chunk_count}, {rows} rows, {indexed} indexed")
    expected = set(map(str, Document.objects.values_list("current", flat=True)))
    if set(factory.index().versions()) != expected:
        found.append("the index holds other versions than the current ones")
    return found


COMMANDS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        set_up,
        add,
        add_many,
        add_file,
        ends,
        reasons,
        reading,
        delete,
        edit,
        indexed,
        clean_up,
        forget_failed,
        run,
        leases_lapse,
        messages_are_due,
        faults,
    )
}


def main() -> None:
    for line in sys.stdin:
        name, arguments = json.loads(line)
        with system_scope("test: the driver"):
            answer = COMMANDS[name](*arguments)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
