"""The numbers that Word puts before paragraphs and that stand nowhere in the text: "第三条", "2.1"."""

from typing import Any

from apps.engines.parsers.office.numerals import numeral

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEVELS = 9
_MOST_STYLES = 20


def add_numbers(document: Any) -> None:
    """Write the numbers into the paragraphs of a python-docx document, in memory only."""
    numbering = _part(document, "/numbering")
    if numbering is None:
        return
    lists = _Lists(numbering, _part(document, "/styles"))
    for paragraph in document.element.body.iter(f"{_W}p"):
        number = lists.number(paragraph)
        if number and any((text.text or "").strip() for text in paragraph.iter(f"{_W}t")):
            _write(paragraph, number)


def _part(document: Any, kind: str) -> Any:
    from docx.oxml import parse_xml  # noqa: PLC0415 - heavy: only where documents are read

    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.endswith(kind):
            return parse_xml(relation.target_part.blob)
    return None


def _write(paragraph: Any, number: str) -> None:
    run = paragraph.makeelement(f"{_W}r")
    text = run.makeelement(f"{_W}t")
    text.text = f"{number} "
    text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    run.append(text)
    properties = paragraph.find(f"{_W}pPr")
    if properties is None:
        paragraph.insert(0, run)
    else:
        properties.addnext(run)


class _Lists:
    """Counts paragraphs of each list as Word does."""

    def __init__(self, numbering: Any, styles: Any) -> None:
        kinds = {_value(each, "abstractNumId"): each for each in numbering.iter(f"{_W}abstractNum")}
        self._lists = {_value(each, "numId"): each for each in numbering.iter(f"{_W}num")}
        self._kinds = {
            number: kinds.get(_child(each, "abstractNumId")) for number, each in self._lists.items()
        }
        found = styles.iter(f"{_W}style") if styles is not None else ()
        self._styles = {_value(style, "styleId"): style for style in found}
        self._counts: dict[str, list[int | None]] = {}
        self._begun: set[tuple[str, int]] = set()

    def number(self, paragraph: Any) -> str:
        """What stands before a paragraph; empty when nothing does, or a mere bullet."""
        which, level = self._place(paragraph)
        kind = self._kinds.get(which)
        if kind is None or not 0 <= level < _LEVELS:
            return ""
        levels = {_value(each, "ilvl"): each for each in kind.iterchildren(f"{_W}lvl")}
        counts = self._counted(which, _value(kind, "abstractNumId"), level, levels)
        about = levels.get(str(level))
        if about is None or _child(about, "numFmt") in {"bullet", "none"}:
            return ""
        shown = _child(about, "lvlText")
        is_legal = about.find(f"{_W}isLgl") is not None
        for n in range(_LEVELS):
            if f"%{n + 1}" in shown:
                form = "decimal" if is_legal else _child(levels.get(str(n)), "numFmt")
                shown = shown.replace(f"%{n + 1}", numeral(counts[n] or 1, form))
        return shown.strip()

    def _place(self, paragraph: Any) -> tuple[str, int]:
        """The list and the level, from the paragraph or from its style."""
        which = level = ""
        properties = paragraph.find(f"{_W}pPr")
        name = _child(properties, "pStyle")
        for _ in range(_MOST_STYLES):
            said = properties.find(f"{_W}numPr") if properties is not None else None
            which, level = which or _child(said, "numId"), level or _child(said, "ilvl")
            if which:
                break
            style = self._styles.get(name)
            if style is None:
                return "", 0
            properties, level = style.find(f"{_W}pPr"), level or self._linked(style, name)
            name = _child(style, "basedOn")
        return which, int(level) if level.isdecimal() else 0

    def _linked(self, style: Any, name: str) -> str:
        """The level that a list gives to a style."""
        said = style.find(f"{_W}pPr/{_W}numPr")
        kind = self._kinds.get(_child(said, "numId"))
        for each in kind.iterchildren(f"{_W}lvl") if kind is not None else ():
            if _child(each, "pStyle") == name:
                return _value(each, "ilvl")
        return ""

    def _counted(self, which: str, kind: str, level: int, levels: Any) -> list[int | None]:
        counts = self._counts.setdefault(kind, [None] * _LEVELS)
        override = self._override(which, level)
        for n in range(level + 1):
            begin = _number(_child(levels.get(str(n)), "start"), 1)
            if n == level and override is not None and (which, level) not in self._begun:
                counts[n] = override
            elif counts[n] is None:
                counts[n] = begin
            elif n == level:
                counts[n] = (counts[n] or 0) + 1
        self._begun.add((which, level))
        counts[level + 1 :] = [None] * (_LEVELS - level - 1)
        return counts

    def _override(self, which: str, level: int) -> int | None:
        """Where this list begins anew, though another one of its kind went on before."""
        for each in self._lists[which].iterchildren(f"{_W}lvlOverride"):
            said = _child(each, "startOverride")
            if _value(each, "ilvl") == str(level) and said:
                return _number(said, 1)
        return None


def _value(element: Any, name: str) -> str:
    return str(element.get(f"{_W}{name}", ""))


def _child(element: Any, name: str) -> str:
    """The value of a child; empty without one."""
    child = element.find(f"{_W}{name}") if element is not None else None
    return "" if child is None else _value(child, "val")


def _number(said: str, otherwise: int) -> int:
    return int(said) if said.isdecimal() and len(said) < 10 else otherwise
