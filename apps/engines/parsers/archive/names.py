"""Names inside of archives: in which encoding they are, where they lead, who hid them."""

import re
import zipfile

_UTF8 = 0x800
_UNICODE_PATH = 0x7075
_SEPARATORS = re.compile(r"[/\\]")
_DRIVE = re.compile(r"^[A-Za-z]:")
_NOISE = re.compile(r"^(\..+|__MACOSX|Thumbs\.db|desktop\.ini|~\$.*)$", re.IGNORECASE)


def of_zip(info: zipfile.ZipInfo) -> str:
    """The name as it was given. Without the flag of UTF-8 a zip says nothing of its encoding:
    Windows in China writes GBK, others UTF-8 all the same, the standard is code page 437."""
    said = _said_beside(info.extra)
    if said or info.flag_bits & _UTF8:
        return said or info.filename
    try:
        raw = info.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    return of_bytes(raw, otherwise="cp437")


def of_bytes(raw: bytes, *, otherwise: str = "latin-1") -> str:
    """UTF-8 if it can be, Chinese if that makes words, else as it was read before."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    try:
        chinese = raw.decode("gb18030")
    except UnicodeDecodeError:
        return raw.decode(otherwise, errors="replace")
    return chinese if _is_likely(chinese) else raw.decode(otherwise, errors="replace")


def _is_likely(text: str) -> bool:
    """Bytes of other languages make characters of GB18030 too: an accent and the letter after it.
    Both bytes of most Chinese ones are beyond ASCII."""
    strange = [char for char in text if not char.isascii()]
    usual = [char for char in strange if _is_usual(char)]
    return len(usual) * 2 > len(strange)


def _is_usual(char: str) -> bool:
    return not any(byte < 0x80 for byte in char.encode("gb18030"))


def _said_beside(extra: bytes) -> str:
    """The name in Unicode that some programs put beside the other one."""
    while len(extra) >= 4:
        kind = int.from_bytes(extra[:2], "little")
        size = int.from_bytes(extra[2:4], "little")
        if kind == _UNICODE_PATH and size > 5:
            return extra[9 : 4 + size].decode(errors="replace")
        extra = extra[4 + size :]
    return ""


def parts_of(name: str) -> list[str]:
    """Folders and file. What stands for "here" is left out, what leads up is not."""
    return [part for part in _SEPARATORS.split(name) if part not in {"", "."}]


def leads_outside(name: str) -> bool:
    """An absolute path, or one that goes up."""
    return name.startswith(("/", "\\")) or bool(_DRIVE.match(name)) or ".." in parts_of(name)


def is_hidden(name: str) -> bool:
    """What systems put there and nobody means to upload."""
    return any(_NOISE.match(part) for part in parts_of(name))
