"""The source under guard, read once."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("apps", "kb_platform", "workers")


@dataclass(frozen=True)
class Module:
    """One source file: its path from the root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return self.text.count("\n")


@lru_cache
def modules(*packages: str) -> tuple[Module, ...]:
    """Every module of these packages, migrations left out."""
    return tuple(
        _read(path)
        for package in packages or PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    )


def _read(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path.relative_to(ROOT).as_posix(), text, ast.parse(text))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """(name of what is called, the call) for each call: ``cursor`` for ``connection.cursor()``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Attribute(attr=name) | ast.Name(id=name):
                    yield name, node


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def templates() -> list[Path]:
    return sorted((ROOT / "templates").rglob("*.html"))


def unlisted(found: set[str], allowed: set[str]) -> set[str]:
    """What is found and not on the list."""
    return found - allowed


def stale(found: set[str], allowed: set[str]) -> set[str]:
    """What is on the list and no longer found: the line has to go."""
    return allowed - found
