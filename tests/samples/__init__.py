"""Tiny real files of each type, and broken ones. ``python -m tests.samples.make`` writes them."""

from pathlib import Path

FOLDER = Path(__file__).parent


def sample(name: str) -> bytes:
    """The bytes of one sample."""
    return (FOLDER / name).read_bytes()
