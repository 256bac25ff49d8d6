"""Every kind of event that is written down has words in which the audit page says it."""

import ast

from apps.events.sentences import LABELS, NAMES, SENTENCES
from tests.guards.code import calls, modules

_WRITERS = {"record", "_record"}


def _kinds() -> set[str]:
    return {
        text.value
        for module in modules("apps")
        for name, call in calls(module.tree)
        if name in _WRITERS and call.args
        for text in ast.walk(call.args[0])
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and "." in text.value
    }


def _kinds_chosen_before() -> set[str]:
    """``kind = "a.b" if … else "a.c"``, in a module that writes events."""
    return {
        text.value
        for module in modules("apps")
        if any(name in _WRITERS for name, _call in calls(module.tree))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign)
        and any(isinstance(each, ast.Name) and each.id == "kind" for each in node.targets)
        for text in ast.walk(node.value)
        if isinstance(text, ast.Constant) and "." in str(text.value)
    }


def test_every_kind_of_event_has_words():
    chosen = _kinds_chosen_before()
    assert "directory.added" in chosen
    kinds = _kinds() | chosen
    assert len(kinds) > 50
    assert sorted(kinds - set(SENTENCES)) == []


# Where an event belongs, which is no detail of it.
_PLACES = {"workspace_id", "collection_id"}


def _details() -> set[str]:
    return {
        keyword.arg
        for module in modules("apps")
        for name, call in calls(module.tree)
        if name in _WRITERS and call.args
        if any(
            isinstance(text, ast.Constant) and "." in str(text.value)
            for text in ast.walk(call.args[0])
        )
        for keyword in call.keywords
        if keyword.arg
    }


def test_every_detail_of_an_event_has_a_label():
    found = _details() - _PLACES - set(NAMES)
    assert len(found) > 40
    assert sorted(found - set(LABELS)) == []
