"""The frames of the socket are the same on both sides."""

import re
from typing import Any, Literal, get_args, get_origin, get_type_hints

from apps.chat import frames
from tests.guards.code import ROOT

_TS = ROOT / "frontend" / "src" / "frames.ts"


def _in_python() -> dict[str, set[str]]:
    """Keys of each TypedDict, by its ``type`` (Source, which has none, by its name)."""
    shapes = [
        value
        for value in vars(frames).values()
        if hasattr(value, "__required_keys__") and value.__module__ == frames.__name__
    ]
    return {_tag(shape): set(get_type_hints(shape)) for shape in shapes if _tag(shape)}


def _tag(shape: Any) -> str:
    kind = get_type_hints(shape).get("type")
    if get_origin(kind) is Literal:
        return str(get_args(kind)[0])
    return "Source" if shape.__name__ == "Source" else ""


def _in_typescript() -> dict[str, set[str]]:
    """The same of the interfaces; what a side leaves out or adds is seen."""
    text = re.sub(r"/\*.*?\*/", "", _TS.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"//.*", "", text)
    found: dict[str, set[str]] = {}
    for name, body in re.findall(r"export interface (\w+)[^{]*\{(.*?)\n\}", text, re.DOTALL):
        tag = re.search(r'\btype: "(\w+)"', body)
        keys = re.findall(r"^\s*(?:readonly )?(\w+)\??:", body, re.MULTILINE)
        found[tag.group(1) if tag else name] = set(keys)
    return found


def test_both_sides_know_the_same_frames():
    assert set(_in_python()) == set(_in_typescript())
    assert {"started", "sources", "delta", "done", "stopped", "error", "Source"} <= set(
        _in_python()
    )


def test_each_frame_has_the_same_keys_on_both_sides():
    python, typescript = _in_python(), _in_typescript()
    # A page says which frame it answers only where it waits for the answer.
    loose = {"request"}
    assert {tag: keys - loose for tag, keys in python.items()} == {
        tag: keys - loose for tag, keys in typescript.items()
    }
