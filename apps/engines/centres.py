"""Centres of embedding models that come with the product (measured by ``bench/centre.py``)."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from apps.rag.centre import Centre

_FILE = Path(__file__).parent / "catalogue" / "centres.json"


def has_centre(name: str) -> bool:
    """Whether a centre was measured for this model."""
    return name in _all()


def centre(name: str) -> Centre:
    """The centre of this model. Raises KeyError for one that was not measured."""
    return Centre(**_all()[name])


@lru_cache(maxsize=1)
def _all() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = json.loads(_FILE.read_text("utf-8"))
    return loaded
