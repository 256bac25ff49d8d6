"""What was read of versions, into SQL: one by one, or many small first versions with one write."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.documents.life.sketch import Sketch
from apps.documents.life.sketch import keep as keep_sketches
from apps.documents.passages import cutting
from apps.documents.runs import ledger
from apps.documents.runs.leases import Work
from apps.documents.runs.ledger import Passed
from apps.rag import ports

# Versions of at most this many chunks are embedded together.
SMALL = 16


@dataclass(frozen=True, slots=True)
class Read:
    """A version as it was read: its chunks by the recipe ``cut``, its sketch, columns of the version
    that are ``known`` now, and the lines of its ledger."""

    work: Work
    chunks: Sequence[ports.Chunk]
    cut: str
    sketch: Sketch
    known: dict[str, Any]
    passed: Sequence[Passed]

    @property
    def is_plain(self) -> bool:
        """A small first version that was never read before: it takes nothing's place."""
        version = self.work.run.version
        is_new = version.number == 1 and not (version.cut or version.chunk_count or version.sketch)
        return is_new and len(self.chunks) <= SMALL


def keep(read: Read) -> bool:
    """Write it and hand the run over to be embedded. Whether a message has to be sent for it: of
    what is not small it was. Raises LeaseLost."""
    run = read.work.run
    with transaction.atomic():
        read.work.held()
        keep_sketches([(run.version, read.sketch)])
        saved = cutting.save(run, read.chunks, cut=read.cut, known=read.known)
        ledger.note(run, read.passed)
        is_small = saved.count <= SMALL
        read.work.hand_over("embed", total=saved.count, cut=saved.cut, is_sent=not is_small)
    return is_small


def keep_together(reads: Sequence[Read]) -> list[Read]:
    """The same of many that are plain. Those that were still ours; of all of them a message has to
    be sent."""
    with transaction.atomic():
        held = {work.run.pk for work in Work.held_together([read.work for read in reads])}
        ours = [read for read in reads if read.work.run.pk in held]
        keep_sketches((read.work.run.version, read.sketch) for read in ours)
        cutting.save_first(
            (read.work.run.version, read.chunks, read.cut, read.known) for read in ours
        )
        ledger.note_all((read.work.run, line) for read in ours for line in read.passed)
        Work.hand_over_together([(read.work, len(read.chunks)) for read in ours], "embed")
    return ours
