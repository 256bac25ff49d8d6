"""Structured data (JSON, YAML, XML) as text: keys are headings, records are tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.engines.parsers.tables import table_block
from apps.rag.ports import Block, BlockKind, ParseError

# A value as written, a list, or pairs in their order: a key may stand twice.
Tree = str | list["Tree"] | tuple[tuple[str, "Tree"], ...]
Pairs = tuple[tuple[str, Tree], ...]

# A few aliases in a small YAML file can name a tree of any size.
MOST_NODES = 1_000_000
_DEEPEST_TITLE = 6
_MOST_COLUMNS = 40
_LONGEST_CELL = 300
_NAMES = ("name", "title", "id", "key", "label")
_LONGEST_TITLE = 120


def tree_blocks(tree: Tree) -> list[Block]:
    """Blocks in the order of the data. Raises ParseError TOO_COSTLY, or UNREADABLE when it is
    nested deeper than anybody writes."""
    try:
        return list(_Walk().blocks(tree, _Place()))
    except RecursionError as error:
        raise ParseError("UNREADABLE", "nested too deeply") from error


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands. ``path`` has the keys that are too deep to be headings."""

    level: int = 0
    path: tuple[str, ...] = ()


class _Walk:
    def __init__(self) -> None:
        self._nodes = 0

    def blocks(self, tree: Tree, place: _Place) -> Iterator[Block]:
        self._count()
        match tree:
            case str():
                yield from _lines([(place.path, tree)])
            case tuple():
                yield from self._pairs(tree, place)
            case list():
                yield from self._items(tree, place)

    def _pairs(self, pairs: Pairs, place: _Place) -> Iterator[Block]:
        plain: list[tuple[tuple[str, ...], str]] = []
        for key, value in pairs:
            self._count()
            flat = _flat(value)
            if flat is not None:
                plain.append(((*place.path, key), flat))
                continue
            yield from _lines(plain)
            plain = []
            yield from self._under(key, value, place)
        yield from _lines(plain)

    def _under(self, key: str, value: Tree, place: _Place) -> Iterator[Block]:
        """A value below its key: a heading while there are levels for it, a path beyond."""
        title = " ".join(key.split())[:_LONGEST_TITLE]
        if place.level < _DEEPEST_TITLE and title:
            yield Block(BlockKind.TITLE, title, level=place.level + 1)
            yield from self.blocks(value, _Place(place.level + 1))
        else:
            yield from self.blocks(value, _Place(place.level, (*place.path, key)))

    def _items(self, items: list[Tree], place: _Place) -> Iterator[Block]:
        if rows := _table(items):
            self._count(sum(map(len, rows)))
            yield from table_block(rows)
            return
        for number, item in enumerate(items, start=1):
            flat = _flat(item)
            if flat is not None:
                self._count()
                yield Block(BlockKind.LIST_ITEM, flat)
            else:
                yield from self._under(_name(item) or str(number), item, place)

    def _count(self, more: int = 1) -> None:
        self._nodes += more
        if self._nodes > MOST_NODES:
            raise ParseError("TOO_COSTLY", f"more than {MOST_NODES} values")


def _lines(plain: Sequence[tuple[tuple[str, ...], str]]) -> Iterator[Block]:
    """Values that follow each other, a line each."""
    lines = [f"{'.'.join(path)}: {value}" if any(path) else value for path, value in plain if value]
    if lines:
        yield Block(BlockKind.TEXT, "\n".join(lines))


def _flat(value: Tree) -> str | None:
    """A value that fits on a line; None when it has structure."""
    match value:
        case str():
            return value
        case [] | ():
            return ""
        case [*items] if isinstance(value, list) and len(items) <= _MOST_COLUMNS:
            short = [item for item in items if isinstance(item, str)]
            is_short = len(short) == len(items) and sum(map(len, short)) <= _LONGEST_CELL
            return ", ".join(short) if is_short else None
        case _:
            return None


def _table(items: list[Tree]) -> list[list[str]]:
    """Records with the same few plain fields as rows under a header; empty when they are not."""
    columns: dict[str, None] = {}
    records: list[dict[str, str]] = []
    for item in items:
        record = _record(item)
        if record is None:
            return []
        columns |= dict.fromkeys(record)
        records.append(record)
        if len(columns) > _MOST_COLUMNS:
            return []
    filled = sum(map(len, records))
    if len(records) < 2 or 2 * filled < len(records) * len(columns):
        return []
    return [list(columns), *([record.get(key, "") for key in columns] for record in records)]


def _record(item: Tree) -> dict[str, str] | None:
    if not isinstance(item, tuple) or not item:
        return None
    record: dict[str, str] = {}
    for key, value in item:
        flat = _flat(value)
        if flat is None or len(flat) > _LONGEST_CELL or key in record:
            return None
        record[key] = flat
    return record


def _name(item: Tree) -> str:
    """What a record calls itself."""
    if not isinstance(item, tuple):
        return ""
    named = {key.lower(): value for key, value in item if isinstance(value, str)}
    return next((named[key] for key in _NAMES if named.get(key, "").strip()), "")
