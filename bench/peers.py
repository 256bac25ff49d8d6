"""Other readers of files on the same files, in a Python of their own: they are no part of the product.

    python -m venv peers && peers/bin/pip install pdfplumber kreuzberg 'markitdown[all]'
    python -m bench.parsing --sets tika_docs,tables --peers peers/bin/python

What is not installed there is left out. A peer gets the file and the time that the product gets;
one that crashes, takes longer or refuses it has read nothing.
"""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

# One file a process: what one leaves behind is not the next one's. Tables are {page: [rows, …]}.
_READS = {
    "pdfplumber": """
import json, pdfplumber, sys
with pdfplumber.open(sys.argv[1]) as pdf:
    found = {page.page_number: page.extract_tables() for page in pdf.pages}
print(json.dumps(found))
""",
    "markitdown": """
import sys
from markitdown import MarkItDown
print(MarkItDown().convert(sys.argv[1]).text_content)
""",
    "kreuzberg": """
import sys
from kreuzberg import extract_file_sync
print(extract_file_sync(sys.argv[1]).content)
""",
}


@dataclass(slots=True)
class Peer:
    """A library under its name, read with by the Python that has it. ``failed``: files."""

    name: str
    python: Path
    seconds: float
    failed: int = field(default=0)

    @property
    def version(self) -> str:
        code = f"import importlib.metadata as m; print(m.version({self.name!r}))"
        done = subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def text(self, path: Path) -> str:
        """What it reads, empty when it does not."""
        command = [str(self.python), "-W", "ignore", "-c", _READS[self.name], str(path)]
        try:
            done = subprocess.run(command, capture_output=True, check=True, timeout=self.seconds)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            self.failed += 1
            return ""
        return done.stdout.decode("utf-8", "replace")

    def tables(self, path: Path) -> dict[int, list[tuple[tuple[str, ...], ...]]]:
        """The tables of each page, as rows of cells."""
        said = json.loads(self.text(path) or "{}")
        return {
            int(page): [tuple(tuple(cell or "" for cell in row) for row in each) for each in found]
            for page, found in said.items()
        }


def peers(python: Path | None, *names: str, seconds: float) -> list[Peer]:
    """Those of ``names`` that this Python has."""
    if python is None:
        return []
    code = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if u.find_spec(n)])"
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    return [Peer(name, python, seconds) for name in done.stdout.split()]
