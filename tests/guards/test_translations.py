"""Every text that a person sees is there in both languages."""

import ast
import re
from functools import cache

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from tests.guards.code import ROOT, calls, modules, templates

_PO = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
_IN_TAGS = re.compile(r"_\(\"([^\"]*)\"\)")
_TRANS = re.compile(r"\{%\s*trans(?:late)?\s+(\"[^\"]*\"|'[^']*')")
_BLOCK = re.compile(
    r"\{%\s*blocktrans(?:late)?([^%]*)%\}(.*?)\{%\s*endblocktrans(?:late)?\s*%\}", re.DOTALL
)
_CJK = re.compile(r"[\u4e00-\u9fff]")


def _marks(tree: ast.Module) -> set[str]:
    """Under which names a module knows the functions of gettext."""
    return {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for name in node.names
        if "gettext" in name.name
    }


@cache
def _said_in_python() -> frozenset[str]:
    said: set[str] = set()
    for module in modules():
        marks = _marks(module.tree)
        for name, call in calls(module.tree) if marks else ():
            if name in marks:
                said |= {
                    each.value
                    for each in call.args[:2]
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
    return frozenset(said)


def _said_in_templates() -> set[str]:
    said: set[str] = set()
    for path in templates():
        text = path.read_text(encoding="utf-8")
        said |= {match[1:-1] for match in _TRANS.findall(text)} | set(_IN_TAGS.findall(text))
        for options, body in _BLOCK.findall(text):
            for part in re.split(r"\{%\s*plural\s*%\}", body):
                said.add(_as_message(part, is_trimmed="trimmed" in options))
    return said


def _as_message(body: str, *, is_trimmed: bool) -> str:
    """What gettext looks up: ``{{ name }}`` is ``%(name)s``."""
    text = re.sub(r"\{\{\s*(\w+)\s*\}\}", r"%(\1)s", body)
    if not is_trimmed:
        return text
    return " ".join(line.strip() for line in text.strip().splitlines())


def _catalogue() -> Catalog:
    with _PO.open("rb") as file:
        return read_po(file, locale="zh_Hans", abort_invalid=True)


@pytest.fixture(scope="module")
def translations() -> dict[str, str]:
    """Message → Chinese; a plural form of a message is a message too."""
    said: dict[str, str] = {}
    for entry in _catalogue():
        ids = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        chinese = entry.string[0] if isinstance(entry.string, tuple) else entry.string
        said |= {text: str(chinese) for text in ids if text}
    return said


def test_every_text_has_a_translation(translations):
    said = {text for text in _said_in_python() | _said_in_templates() if not _CJK.search(text)}
    assert len(said) > 100
    assert sorted(text for text in said if not translations.get(text)) == []


def test_a_translation_has_the_same_names_in_it(translations):
    names = re.compile(r"%\(\w+\)[sd]|\{\w+\}|%[sd]")
    wrong = {
        text
        for text, chinese in translations.items()
        if set(names.findall(chinese)) - set(names.findall(text))
    }
    assert not wrong


def test_no_translation_is_a_guess():
    assert not [entry.id for entry in _catalogue() if entry.fuzzy and entry.id]


def test_the_catalogue_has_no_stale_line(translations):
    said = _said_in_python() | _said_in_templates()
    assert sorted(text for text in translations if text not in said) == []
