"""Makes the container of old Office files, and small documents in it: nothing else writes them."""

import struct

_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def container(**streams: bytes) -> bytes:
    """A compound file of these streams ("Current_User" is called "Current User")."""
    padded = {
        name.replace("_", " "): data.ljust(max(4096, -len(data) % _SECTOR + len(data)), b"\x00")
        for name, data in streams.items()
    }
    folders = 1 + len(padded) // 4  # sectors of four entries
    fat = [_FAT, *range(2, folders + 1), _END]
    entries, body = [_entry("Root Entry", 5, child=1)], b""
    for number, (name, data) in enumerate(padded.items(), start=1):
        start, sectors = len(fat), len(data) // _SECTOR
        fat += [*range(start + 1, start + sectors), _END]
        right = number + 1 if number < len(padded) else _FREE
        entries.append(_entry(name, 2, right=right, start=start, size=len(data)))
        body += data
    assert len(fat) <= 128, "one sector for the table must do"
    table = struct.pack("<128I", *fat, *[_FREE] * (128 - len(fat)))
    directory = b"".join(entries).ljust(folders * _SECTOR, b"\x00")
    return _head() + table + directory + body


def _head() -> bytes:
    fields = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII",
        *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, 1, 0, 4096, _END, 0, _END, 0, 0),
    )
    return (fields[:76] + struct.pack("<109I", 0, *[_FREE] * 108)).ljust(_SECTOR, b"\x00")


def _entry(
    name: str, kind: int, *, child: int = _FREE, right: int = _FREE, start: int = 0, size: int = 0
) -> bytes:
    written = (name + "\x00").encode("utf-16-le")
    links = struct.pack("<BBIII36xIQ", kind, 1, _FREE, right, child, start, size)
    return written.ljust(64, b"\x00") + struct.pack("<H", len(written)) + links


def doc(paragraphs: list[tuple[str, bytes]], *, flags: int = 0) -> bytes:
    """A Word document. Each paragraph has its mark at its end, and its properties: the number of
    its style in two bytes, then changes."""
    text = "".join(words for words, _ in paragraphs)
    head = bytearray(0x600)
    struct.pack_into("<H", head, 0, 0xA5EC)
    struct.pack_into("<H", head, 0x0A, flags)
    struct.pack_into("<I", head, 0x4C, _units(text))
    struct.pack_into("<II", head, 0x0102, 0x100, 12)
    struct.pack_into("<II", head, 0x01A2, 0, 21)
    data = text.encode("utf-16-le")
    assert len(data) <= 0x200, "one page of properties must do"
    head[0x400 : 0x400 + len(data)] = data
    pieces = struct.pack("<IIHIH", 0, _units(text), 0, 0x400, 0)
    table = (b"\x02" + struct.pack("<I", len(pieces)) + pieces).ljust(0x100, b"\x00")
    table += struct.pack("<III", 0x400, 0x400 + len(data), 3)
    streams = {"WordDocument": bytes(head) + _properties(paragraphs), "0Table": table}
    return container(**streams)


def _units(text: str) -> int:
    """Length as the format counts: an emoji is two."""
    return len(text.encode("utf-16-le")) // 2


def _properties(paragraphs: list[tuple[str, bytes]]) -> bytes:
    page = bytearray(_SECTOR)
    page[-1] = len(paragraphs)
    place, free = 0x400, _SECTOR - 2
    for number, (words, changes) in enumerate(paragraphs):
        struct.pack_into("<I", page, 4 * number, place)
        place += 2 * _units(words)
        odd = changes if len(changes) % 2 else changes + b"\x00"
        free = (free - len(odd) - 1) & ~1
        page[free] = (len(odd) + 1) // 2
        page[free + 1 : free + 1 + len(odd)] = odd
        page[4 * (len(paragraphs) + 1) + 13 * number] = free // 2
    struct.pack_into("<I", page, 4 * len(paragraphs), place)
    return bytes(page)


def record(kind: int, data: bytes, *, instance: int = 0, is_container: bool = False) -> bytes:
    """A record of a presentation."""
    return struct.pack("<HHI", instance << 4 | (15 if is_container else 0), kind, len(data)) + data


def ppt(*slides: tuple[str, str], token: int = 0xE391C05F) -> bytes:
    """A presentation of slides with a title and a text."""
    listed = b""
    for number, (title, text) in enumerate(slides, start=1):
        listed += record(0x03F3, struct.pack("<IIIII", number, 0, 0, 255 + number, 0))
        for kind, words in ((1, text), (0, title)):
            listed += record(0x0F9F, struct.pack("<I", kind))
            listed += record(0x0FA0, words.encode("utf-16-le"))
    document = record(0x03E8, record(0x0FF0, listed, is_container=True), is_container=True)
    user = struct.pack("<8xIII", 20, token, 0xFFFFFFF0)
    return container(PowerPoint_Document=document, Current_User=user)
