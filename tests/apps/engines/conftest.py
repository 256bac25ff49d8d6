"""Reading as a worker does it: from a file without a suffix, in the child process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apps.engines.media_types import MediaType
from apps.engines.parsers.sandbox import Limits, SandboxParser
from apps.rag.ports import Block

Read = Callable[[bytes, MediaType], list[Block]]


@pytest.fixture(scope="package")
def parser() -> Iterator[SandboxParser]:
    made = SandboxParser(Limits(seconds=60, memory_bytes=1 << 30))
    yield made
    made.close()


@pytest.fixture
def read(parser: SandboxParser, tmp_path: Path) -> Read:
    """The blocks of some bytes of one type."""

    def reading(data: bytes, media_type: MediaType) -> list[Block]:
        path = tmp_path / "blob"
        path.write_bytes(data)
        return parser.parse(path, media_type=media_type)

    return reading
