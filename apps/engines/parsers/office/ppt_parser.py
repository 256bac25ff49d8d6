"""PowerPoint 97 to 2003. See [MS-PPT]; slides are pages, with their titles and notes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from apps.engines.parsers.office.ole2 import streams_of, u16, u32
from apps.rag.ports import Block, BlockKind, ParseError

_DOCUMENT, _SLIDE, _NOTES, _LIST, _PERSIST = 0x03E8, 0x03EE, 0x03F0, 0x0FF0, 0x03F3
_SLIDE_ATOM, _HEADER, _CHARS, _BYTES, _REFERENCE = 0x03EF, 0x0F9F, 0x0FA0, 0x0FA8, 0x0F9E
_EDIT, _DIRECTORY = 0x0FF5, 0x1772
_ENCRYPTED = 0xF3D1C4DF
_TITLES = frozenset({0, 6})
_NOTE = 2
_MOST_RECORDS = 2_000_000
_MOST_EDITS = 10_000
_DEEPEST = 60


class PptParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        streams = streams_of(path, "PowerPoint Document", "Current User", "EncryptedSummary")
        user = streams.get("Current User", b"")
        if "EncryptedSummary" in streams or u32(user, 12) == _ENCRYPTED:
            raise ParseError("ENCRYPTED", "encrypted presentation")
        if "PowerPoint Document" not in streams:
            raise ParseError("UNREADABLE", "no presentation")
        return list(_Deck(streams["PowerPoint Document"]).blocks(u32(user, 16)))


@dataclass(frozen=True, slots=True)
class _Record:
    kind: int
    instance: int
    start: int
    end: int
    is_container: bool


@dataclass(frozen=True, slots=True)
class _Text:
    kind: int
    text: str


class _Deck:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._seen = 0

    def blocks(self, edit: int) -> Iterator[Block]:
        places = self._places(edit)
        lists = [each for each in self._in_documents() if each.kind == _LIST]
        slides = [each for one in lists if one.instance == 0 for each in self._listed(one)]
        notes = {
            n: place for one in lists if one.instance == 2 for place, n, _ in self._listed(one)
        }
        for page, (place, _, texts) in enumerate(slides, start=1):
            slide = self._at(places.get(place), _SLIDE)
            said = texts if slide is None else list(self._said(slide, texts))
            yield from _page(said, page)
            note = self._at(places.get(notes.get(self._notes_of(slide), 0)), _NOTES)
            if note is not None:
                spoken = [text for text in self._said(note, []) if text.kind == _NOTE]
                yield from _page(spoken, page)

    def _records(self, start: int, end: int) -> Iterator[_Record]:
        while start + 8 <= end:
            self._seen += 1
            if self._seen > _MOST_RECORDS:
                raise ParseError("TOO_COSTLY", f"more than {_MOST_RECORDS} records")
            first = u16(self._data, start)
            size = min(u32(self._data, start + 4), end - start - 8)
            yield _Record(
                u16(self._data, start + 2),
                first >> 4,
                start + 8,
                start + 8 + size,
                first & 15 == 15,
            )
            start += 8 + size

    def _in_documents(self) -> Iterator[_Record]:
        """What stands in the last of the documents: every time it is stored, one is added."""
        documents = [each for each in self._records(0, len(self._data)) if each.kind == _DOCUMENT]
        if not documents:
            raise ParseError("UNREADABLE", "no document in the presentation")
        return self._records(documents[-1].start, documents[-1].end)

    def _listed(self, record: _Record) -> Iterator[tuple[int, int, list[_Text]]]:
        """Slides in their order: where each is stored, its number, and the texts of its outline."""
        found: tuple[int, int, list[_Text]] | None = None
        kind = 4
        for each in self._records(record.start, record.end):
            if each.kind == _PERSIST:
                if found is not None:
                    yield found
                found = (u32(self._data, each.start), u32(self._data, each.start + 12), [])
            elif each.kind == _HEADER:
                kind = u32(self._data, each.start)
            elif found is not None and each.kind in {_CHARS, _BYTES}:
                found[2].append(_Text(kind, self._text(each)))
        if found is not None:
            yield found

    def _places(self, edit: int) -> dict[int, int]:
        """Where things are stored: every edit adds to the directory, the last one first."""
        places: dict[int, int] = {}
        seen: set[int] = set()
        while edit not in seen and len(seen) < _MOST_EDITS:
            seen.add(edit)
            record = next(self._records(edit, len(self._data)), None)
            if record is None or record.kind != _EDIT:
                break
            directory = u32(self._data, record.start + 12)
            for number, place in self._directory(directory):
                places.setdefault(number, place)
            edit = u32(self._data, record.start + 8)
        return places

    def _directory(self, at: int) -> Iterator[tuple[int, int]]:
        record = next(self._records(at, len(self._data)), None)
        if record is None or record.kind != _DIRECTORY:
            return
        at = record.start
        while at + 4 <= record.end:
            run = u32(self._data, at)
            first, count = run & 0xFFFFF, run >> 20
            for n in range(min(count, (record.end - at - 4) // 4)):
                yield first + n, u32(self._data, at + 4 + 4 * n)
            at += 4 + 4 * count

    def _at(self, place: int | None, kind: int) -> _Record | None:
        if place is None:
            return None
        record = next(self._records(place, len(self._data)), None)
        return record if record is not None and record.kind == kind else None

    def _notes_of(self, slide: _Record | None) -> int:
        if slide is not None:
            for each in self._records(slide.start, slide.end):
                if each.kind == _SLIDE_ATOM:
                    return u32(self._data, each.start + 16)
        return 0

    def _said(self, record: _Record, outline: list[_Text], depth: int = 0) -> Iterator[_Text]:
        """Texts of the shapes of a slide; some only name a text of the outline."""
        kind = 4
        for each in self._records(record.start, record.end):
            if each.kind == _HEADER:
                kind = u32(self._data, each.start)
            elif each.kind in {_CHARS, _BYTES}:
                yield _Text(kind, self._text(each))
            elif each.kind == _REFERENCE:
                yield from outline[u32(self._data, each.start) :][:1]
            elif each.is_container and depth < _DEEPEST:
                yield from self._said(each, outline, depth + 1)

    def _text(self, record: _Record) -> str:
        data = self._data[record.start : record.end]
        if record.kind == _BYTES:
            return data.decode("latin-1")
        return data[: len(data) & ~1].decode("utf-16-le", errors="replace")


def _page(texts: list[_Text], page: int) -> Iterator[Block]:
    """The title first, wherever it stands among the shapes."""
    for is_title in (True, False):
        for each in texts:
            if (each.kind in _TITLES) != is_title:
                continue
            text = each.text.replace("\x0b", "\n").replace("\r", "\n").strip()
            if text in {"", "*"}:  # a field for a number or a date
                continue
            kind = BlockKind.TITLE if is_title else BlockKind.TEXT
            shown = " ".join(text.split()) if is_title else text
            yield Block(kind, shown, page=page, level=1 if is_title else 0)
