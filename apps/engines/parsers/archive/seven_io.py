"""What py7zr writes to: a sink of ours."""

from contextlib import AbstractContextManager

from py7zr.io import Py7zIO

from apps.engines.parsers.archive.walk import Sink


class Writer(Py7zIO):
    """Passes bytes on, and ends the sink when the member is whole."""

    def __init__(self, sink: AbstractContextManager[Sink | None]) -> None:
        self._context = sink
        self._sink = sink.__enter__()

    def write(self, s: bytes | bytearray) -> int:
        if self._sink is not None:
            self._sink.write(bytes(s))
        return len(s)

    def close(self) -> None:
        self._context.__exit__(None, None, None)

    def seekable(self) -> bool:
        """Nothing is read back."""
        return False

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def flush(self) -> None:
        """The sink does that."""

    def size(self) -> int:
        return self._sink.size if self._sink is not None else 0
