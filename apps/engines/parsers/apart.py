"""What is attached to a mail, as files beside it: a mail is an archive too. See ``child_terms``."""

from pathlib import Path

from apps.engines.archives import UnpackLimits
from apps.engines.parsers.archive.walk import Walk
from apps.rag.ports import ParseError


class Taken:
    """Files under numbers in a folder, with a list of their names, and members of archives."""

    def __init__(self, folder: Path, limits: UnpackLimits, *, packed: int) -> None:
        self._walk = Walk(folder, limits, packed=packed)

    def take(self, name: str, data: bytes) -> None:
        """Keep a file. One that is too large or no archive of its kind is left."""
        self._walk.seen += 1
        if self._walk.seen > self._walk.limits.most_members:
            self.leave(name, "ARCHIVE_TOO_LARGE")
            return
        try:
            with self._walk.sink(name, depth=1) as sink:
                sink.write(data)
        except ParseError as error:
            self.leave(name, error.code)

    def leave(self, name: str, code: str) -> None:
        self._walk.leave(name, code)

    def write_manifest(self) -> None:
        self._walk.write_manifest()
