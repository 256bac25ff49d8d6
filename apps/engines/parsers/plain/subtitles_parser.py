"""Subtitles (SubRip, WebVTT): what is said, in paragraphs that begin with their time."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from apps.engines.parsers.encodings import decode
from apps.rag.ports import Block, BlockKind, ParseError

_TIMES = re.compile(
    r"^\s*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,]\d{1,3}\s*-->\s*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,]"
)
_VOICE = re.compile(r"<v(?:\.[^ >]*)?\s+([^>]+)>")
_MARK = re.compile(r"</?[A-Za-z][^>\n]{0,100}>|<\d[\d:.]*>|\{\\[^}\n]{0,100}\}")
_BLANK = re.compile(r"\n[^\S\n]*\n\s*")
# A pause of this length, or a paragraph of this length, begins a new one.
_PAUSE_S = 10
_LONGEST_S = 60
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class _Cue:
    start: int
    end: int
    text: str


class SubtitlesParser:
    """See ``apps.rag.ports.Parser``."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        text = decode(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")
        cues = list(_cues(text))
        if not cues and text.strip():
            raise ParseError("UNREADABLE", "no time stamps")
        return list(_paragraphs(cues))


def _cues(text: str) -> Iterator[_Cue]:
    for part in _BLANK.split(text.strip()):
        lines = part.split("\n")
        found = next(
            ((n, m) for n, line in enumerate(lines[:2]) if (m := _TIMES.match(line))), None
        )
        if found is None:
            continue  # the head, a note, a style
        number, times = found
        said = " ".join(_said(line) for line in lines[number + 1 :]).strip()
        if said:
            yield _Cue(_seconds(*times.groups()[:3]), _seconds(*times.groups()[3:]), said)


def _said(line: str) -> str:
    named = _VOICE.sub(lambda found: f"{found.group(1).strip()}: ", line)
    return html.unescape(_MARK.sub("", named)).strip()


def _seconds(hours: str | None, minutes: str, seconds: str) -> int:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)


def _paragraphs(cues: list[_Cue]) -> Iterator[Block]:
    group: list[_Cue] = []
    for cue in cues:
        if group and _is_over(group, cue):
            yield _paragraph(group)
            group = []
        if not group or group[-1].text != cue.text:  # rolling captions say everything twice
            group.append(cue)
    if group:
        yield _paragraph(group)


def _is_over(group: list[_Cue], cue: _Cue) -> bool:
    return (
        cue.start - group[-1].end > _PAUSE_S
        or cue.end - group[0].start > _LONGEST_S
        or sum(len(each.text) for each in group) > _LONGEST
    )


def _paragraph(group: list[_Cue]) -> Block:
    start = group[0].start
    stamp = f"[{start // 3600:02}:{start // 60 % 60:02}:{start % 60:02}]"
    return Block(BlockKind.TEXT, " ".join((stamp, *(cue.text for cue in group))))
