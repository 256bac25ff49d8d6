"""The schema of the API as a page shows it: operations by what they are about, with examples."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils import translation
from drf_spectacular.generators import SchemaGenerator

_METHODS = ("get", "post", "put", "patch", "delete")
# How deep an example goes into what refers to itself.
_DEEPEST = 4
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body. ``place`` is query, header, path or body."""

    name: str
    place: str
    type: str
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back. ``example`` is JSON, "" where there is no body."""

    status: str
    description: str
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. ``body`` is an example in JSON; ``is_file``: a form with a file is taken too."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    fields: tuple[Field, ...]
    answers: tuple[Answer, ...]
    body: str
    is_file: bool
    is_public: bool


@dataclass(frozen=True, slots=True)
class Section:
    """The operations of one tag."""

    name: str
    operations: tuple[Operation, ...]


@cache
def sections() -> tuple[Section, ...]:
    """Everything at ``/api``, in the order of its addresses. Made once: about a second."""
    with translation.override("en"):
        schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    reader = _Reader(schema["components"]["schemas"])
    by_tag: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method in _METHODS:
            if found := methods.get(method):
                operation = reader.operation(method, path, found)
                by_tag.setdefault(found["tags"][0], []).append(operation)
    return tuple(Section(name, tuple(rows)) for name, rows in by_tag.items())


class _Reader:
    """Reads operations, following references into ``components``."""

    def __init__(self, components: Mapping[str, Schema]) -> None:
        self._components = components

    def operation(self, method: str, path: str, found: Schema) -> Operation:
        sent = found.get("requestBody", {})
        kind, content = _content(sent)
        shape = self._resolved(content.get("schema", {}))
        example = _first_example(content)
        body = example if example is not None else self._example(shape)
        return Operation(
            id=found["operationId"],
            method=method.upper(),
            path=path,
            summary=found["summary"],
            description=found.get("description", ""),
            fields=(*map(_parameter, found.get("parameters", ())), *self._fields(shape)),
            answers=tuple(self._answers(found["responses"])),
            body=_json(body) if shape and kind == "application/json" else "",
            is_file="multipart/form-data" in sent.get("content", {}),
            is_public={} in found.get("security", ()) or found.get("security") == [],
        )

    def _fields(self, shape: Schema) -> Iterator[Field]:
        required = shape.get("required", ())
        for name, each in shape.get("properties", {}).items():
            if not each.get("readOnly"):
                said = each.get("description", "")
                yield Field(name, "body", self._type(each), name in required, said)

    def _answers(self, responses: Mapping[str, Schema]) -> Iterator[Answer]:
        for status, each in sorted(responses.items()):
            _kind, content = _content(each)
            shape = self._resolved(content.get("schema", {}))
            example = _first_example(content)
            if example is None and shape and status < "300":
                example = self._example(shape)
            yield Answer(
                status, each.get("description", ""), "" if example is None else _json(example)
            )

    def _type(self, shape: Schema) -> str:
        shape = self._resolved(shape)
        if "enum" in shape:
            return " | ".join(json.dumps(each) for each in shape["enum"])
        kind = shape.get("type", "")
        if isinstance(kind, list):
            return " | ".join(kind)
        if kind == "array":
            return f"[{self._type(shape.get('items', {}))}]"
        return str(shape.get("format") or kind or "any")

    def _resolved(self, shape: Schema) -> Schema:
        for each in ("allOf", "oneOf", "anyOf"):
            if each in shape:
                return self._resolved(shape[each][0])
        reference = shape.get("$ref")
        return self._components[reference.rpartition("/")[2]] if reference else shape

    def _example(self, shape: Schema, depth: int = 0) -> Any:
        shape = self._resolved(shape)
        if "example" in shape or "default" in shape:
            return shape.get("example", shape.get("default"))
        if "enum" in shape:
            return shape["enum"][0]
        kind = shape.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            inside = shape.get("properties", {}) if depth < _DEEPEST else {}
            return {name: self._example(each, depth + 1) for name, each in inside.items()}
        if kind == "array":
            return [self._example(shape.get("items", {}), depth + 1)] if depth < _DEEPEST else []
        return _PLAIN.get(str(shape.get("format", kind)), _PLAIN.get(str(kind), "…"))


_PLAIN: dict[str, Any] = {
    "uuid": "0198c5d2-7a60-7c1e-9d0b-3f6a1c2e4b58",
    "date-time": "2026-01-31T08:00:00Z",
    "date": "2026-01-31",
    "email": "bob@example.com",
    "uri": "https://example.com/",
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "null": None,
}


def _content(said: Schema) -> tuple[str, Schema]:
    """The kind of a body and what is said of it; JSON before others."""
    kinds: Mapping[str, Schema] = said.get("content", {})
    kind = "application/json" if "application/json" in kinds else next(iter(kinds), "")
    return kind, kinds.get(kind, {})


def _first_example(content: Schema) -> Any:
    examples = content.get("examples") or {}
    first: Schema = next(iter(examples.values()), {})
    return first.get("value", content.get("example"))


def _parameter(said: Schema) -> Field:
    shape = said.get("schema", {})
    kind = shape.get("format") or shape.get("type") or "string"
    required = bool(said.get("required"))
    return Field(said["name"], said["in"], str(kind), required, said.get("description", ""))


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
