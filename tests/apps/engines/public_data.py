"""Public data sets beside the checkout; a clone of a user has none."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("BENCH_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


def needs(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path} is not there: set BENCH_DATA to the folder of public data sets")
    return path
