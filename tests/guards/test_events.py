"""Every kind of event that is written down has words in which the audit page says it."""

import ast

from apps.events.sentences import SENTENCES
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


def test_every_kind_of_event_has_words():
    kinds = _kinds()
    assert len(kinds) > 50
    assert sorted(kinds - set(SENTENCES)) == []
