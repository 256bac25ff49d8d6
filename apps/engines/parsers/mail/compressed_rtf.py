"""Rich text as Outlook packs it. See [MS-OXRTFCP], "Rich Text Format (RTF) Compression"."""

import struct
from collections.abc import Iterable

from apps.rag.ports import ParseError

_MOST = 64 * 1024 * 1024
_PACKED, _PLAIN = b"LZFu", b"MELA"
# What the dictionary holds before the first byte.
_KNOWN = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_SIZE = 4096


def decompressed(data: bytes) -> bytes:
    """The source. Raises ParseError UNREADABLE or TOO_COSTLY."""
    if len(data) < 16:
        raise ParseError("UNREADABLE", "packed rich text is too short")
    _, size, kind = struct.unpack("<II4s", data[:12])
    if kind == _PLAIN:
        return data[16 : 16 + size]
    if kind != _PACKED:
        raise ParseError("UNREADABLE", "packed rich text of an unknown kind")
    if size > _MOST:
        raise ParseError("TOO_COSTLY", f"{size} bytes of rich text")
    return _unpacked(data[16:], size)


def _unpacked(data: bytes, size: int) -> bytes:
    window = bytearray(_KNOWN.ljust(_SIZE, b"\x00"))
    write, at = len(_KNOWN), 0
    out = bytearray()
    piece: Iterable[int]
    while at < len(data) and len(out) < size:
        control = data[at]
        at += 1
        for bit in range(8):
            if control >> bit & 1:
                if at + 2 > len(data):
                    return bytes(out)
                start, length = data[at] << 4 | data[at + 1] >> 4, (data[at + 1] & 15) + 2
                at += 2
                if start == write:
                    return bytes(out)  # the sign of the end
                piece = (window[(start + n) % _SIZE] for n in range(length))
            elif at < len(data):
                piece = data[at : at + 1]
                at += 1
            else:
                return bytes(out)
            for byte in piece:  # one by one: a reference may reach into what it writes
                out.append(byte)
                window[write] = byte
                write = (write + 1) % _SIZE
    return bytes(out)
