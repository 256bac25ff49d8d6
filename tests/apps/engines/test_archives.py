"""What comes out of an archive, what is left and why, and that nothing gets out elsewhere."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import py7zr
import pytest

from apps.engines.archives import ArchiveKind, Unpacked, UnpackLimits, kind_of
from apps.engines.parsers.sandbox import Limits, SandboxParser
from apps.rag.ports import ParseError

MIB = 1024 * 1024
LIMITS = UnpackLimits(most_file=20 * MIB, most_total=200 * MIB, room=400 * MIB)
TEXT = b"The pump of the north hall is inspected in May."
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxParser]:
    parser = SandboxParser(Limits(seconds=60, memory_bytes=1024 * MIB))
    yield parser
    parser.close()


@pytest.fixture
def unpack(sandbox: SandboxParser, tmp_path: Path) -> Callable[..., Unpacked]:
    def do(name: str, data: bytes, limits: UnpackLimits = LIMITS) -> Unpacked:
        path, folder = tmp_path / "archive", tmp_path / "out"
        path.write_bytes(data)
        folder.mkdir()
        kind = kind_of(name)
        assert kind is not None
        return sandbox.unpack(path, kind=kind, folder=folder, limits=limits)

    return do


def zipped(files: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: Files, mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def sevened(files: Files) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return out.getvalue()


MAKERS: dict[str, Callable[[Files], bytes]] = {
    "a.zip": zipped,
    "a.tar": lambda files: tarred(files, "w:"),
    "a.tgz": tarred,
    "a.tar.bz2": lambda files: tarred(files, "w:bz2"),
    "a.TAR.XZ": lambda files: tarred(files, "w:xz"),
    "a.7z": sevened,
}
archives = pytest.mark.parametrize("name", list(MAKERS))


def texts(unpacked: Unpacked) -> dict[str, bytes]:
    return {member.name: member.path.read_bytes() for member in unpacked.members}


@archives
def test_each_readable_member_comes_out_under_its_path(
    unpack: Callable[..., Unpacked], name: str
) -> None:
    files = {"a.txt": TEXT, "halls/north/b.md": b"# North", "合同/租赁.txt": "九十天".encode()}
    out = unpack(name, MAKERS[name](files))
    assert texts(out) == files
    assert out.left == []


@archives
def test_what_is_left_says_why(unpack: Callable[..., Unpacked], name: str) -> None:
    files = {
        "good.txt": TEXT,
        "setup.exe": b"MZ",
        "empty.txt": b"",
        "__MACOSX/._good.txt": b"x",
        "folder/.DS_Store": b"x",
        "folder/Thumbs.db": b"x",
        "huge.txt": b"x" * (2 * MIB),
    }
    out = unpack(name, MAKERS[name](files), UnpackLimits(MIB, 100 * MIB, 100 * MIB))
    assert texts(out) == {"good.txt": TEXT}
    assert dict(out.left) == {
        "setup.exe": "UNSUPPORTED",
        "empty.txt": "EMPTY",
        "__MACOSX/._good.txt": "HIDDEN_FILE",
        "folder/.DS_Store": "HIDDEN_FILE",
        "folder/Thumbs.db": "HIDDEN_FILE",
        "huge.txt": "TOO_LARGE",
    }


# --- hostile --------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["a.zip", "a.tar"])
@pytest.mark.parametrize(
    "path",
    [
        "../../../../tmp/evil.txt",
        "/tmp/evil.txt",
        "..\\..\\evil.txt",
        "C:\\evil.txt",
        "a/../../x.txt",
    ],
)
def test_no_path_leads_outside(
    unpack: Callable[..., Unpacked], tmp_path: Path, kind: str, path: str
) -> None:
    out = unpack(kind, MAKERS[kind]({path: b"x", "ok.txt": TEXT}))
    assert texts(out) == {"ok.txt": TEXT}
    assert [code for _name, code in out.left] == ["OUTSIDE_PATH"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "out"]
    assert not Path("/tmp/evil.txt").exists()


def test_links_and_devices_are_left(unpack: Callable[..., Unpacked]) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in (
            ("link.txt", tarfile.SYMTYPE),
            ("hard.txt", tarfile.LNKTYPE),
            ("dev.txt", tarfile.CHRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("good.txt")
        info.size = len(TEXT)
        archive.addfile(info, io.BytesIO(TEXT))
    found = unpack("a.tar", out.getvalue())
    assert texts(found) == {"good.txt": TEXT}
    assert {code for _name, code in found.left} == {"NOT_A_FILE"}


def test_a_link_in_a_zip_is_left(unpack: Callable[..., Unpacked]) -> None:
    out = io.BytesIO()
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert unpack("a.zip", out.getvalue()).left == [("link.txt", "NOT_A_FILE")]


@archives
def test_too_many_members_are_refused(unpack: Callable[..., Unpacked], name: str) -> None:
    files = {f"{n}.txt": TEXT for n in range(30)}
    with pytest.raises(ParseError) as refused:
        unpack(name, MAKERS[name](files), UnpackLimits(MIB, 100 * MIB, 100 * MIB, most_members=20))
    assert refused.value.code == "ARCHIVE_TOO_LARGE"


@archives
def test_too_many_bytes_are_refused(unpack: Callable[..., Unpacked], name: str) -> None:
    files = {f"{n}.txt": os.urandom(MIB) for n in range(6)}
    with pytest.raises(ParseError) as refused:
        unpack(name, MAKERS[name](files), UnpackLimits(2 * MIB, 5 * MIB, 100 * MIB))
    assert refused.value.code == "ARCHIVE_TOO_LARGE"


@archives
def test_what_the_disk_has_no_room_for_waits(unpack: Callable[..., Unpacked], name: str) -> None:
    with pytest.raises(OSError, match="full"):
        unpack(
            name, MAKERS[name]({"a.txt": os.urandom(2 * MIB)}), UnpackLimits(4 * MIB, 5 * MIB, MIB)
        )


@archives
def test_a_bomb_is_refused_before_it_is_unpacked(
    unpack: Callable[..., Unpacked], tmp_path: Path, name: str
) -> None:
    """One member of 120 MiB of zeros is small in every format, and within all sizes."""
    data = MAKERS[name]({"zeros.txt": bytes(120 * MIB)})
    if name == "a.tar":
        pytest.skip("nothing is packed in it")
    with pytest.raises(ParseError) as refused:
        unpack(name, data, UnpackLimits(400 * MIB, 400 * MIB, 400 * MIB))
    assert refused.value.code == "ARCHIVE_TOO_LARGE"
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) < 110 * MIB


def bomb(*, levels: int) -> bytes:
    data = bytes(10 * MIB)
    for level in range(levels):
        data = zipped({f"{n}.{'zip' if level else 'txt'}": data for n in range(10)})
    return data


def test_a_bomb_of_archives_in_archives_is_refused(unpack: Callable[..., Unpacked]) -> None:
    with pytest.raises(ParseError) as refused:
        unpack("a.zip", bomb(levels=3))
    assert refused.value.code == "ARCHIVE_TOO_LARGE"


def test_a_bomb_with_one_level_more_is_not_even_opened(unpack: Callable[..., Unpacked]) -> None:
    out = unpack("a.zip", bomb(levels=4))
    assert out.members == []
    assert {code for _name, code in out.left} == {"NESTED_TOO_DEEP"}


def test_a_zip_that_lies_about_a_size_gives_no_more_than_it_says(
    unpack: Callable[..., Unpacked],
) -> None:
    data = zipped({"a.txt": bytes(5 * MIB), "b.txt": TEXT})
    lied = data.replace((5 * MIB).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    out = unpack("a.zip", lied)
    assert texts(out) == {"b.txt": TEXT}
    assert out.left == [("a.txt", "UNREADABLE")]


# --- archives in archives -------------------------------------------------------------------------
def test_archives_inside_are_opened_to_a_depth(unpack: Callable[..., Unpacked]) -> None:
    deepest = zipped({"too deep.txt": TEXT})
    third = sevened({"three.txt": TEXT, "x.zip": deepest})
    second = tarred({"two.txt": TEXT, "c.7z": third})
    out = unpack("a.zip", zipped({"one.txt": TEXT, "b/b.tgz": second, "broken.zip": b"PK no"}))
    assert set(texts(out)) == {"one.txt", "b/b.tgz/two.txt", "b/b.tgz/c.7z/three.txt"}
    assert dict(out.left) == {
        "b/b.tgz/c.7z/x.zip": "NESTED_TOO_DEEP",
        "broken.zip": "UNREADABLE",
    }


# --- encrypted, broken ----------------------------------------------------------------------------
def test_a_member_with_a_password_is_left_and_the_others_are_taken(
    unpack: Callable[..., Unpacked],
) -> None:
    data = bytearray(zipped({"open.txt": TEXT, "locked.txt": TEXT}))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(signature) + at] |= 1
    out = unpack("a.zip", bytes(data))
    assert texts(out) == {"open.txt": TEXT}
    assert out.left == [("locked.txt", "ENCRYPTED")]


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_7z_with_a_password_says_so(unpack: Callable[..., Unpacked], is_hidden: object) -> None:
    out = io.BytesIO()
    with py7zr.SevenZipFile(
        out, "w", password="secret", header_encryption=bool(is_hidden)
    ) as archive:
        archive.writestr(TEXT, "a.txt")
    with pytest.raises(ParseError) as refused:
        unpack("a.7z", out.getvalue())
    assert refused.value.code == "ENCRYPTED"


@archives
def test_garbage_is_unreadable_and_harms_nobody(unpack: Callable[..., Unpacked], name: str) -> None:
    whole = MAKERS[name]({"a.txt": os.urandom(50_000), "b.txt": os.urandom(50_000)})
    with pytest.raises(ParseError) as refused:
        unpack(name, whole[:60_000])
    assert refused.value.code == "UNREADABLE"


@archives
def test_noise_after_a_right_beginning_is_unreadable(
    unpack: Callable[..., Unpacked], name: str
) -> None:
    whole = MAKERS[name]({"a.txt": os.urandom(50_000)})
    data = whole[:32] + os.urandom(40_000)
    with pytest.raises(ParseError) as refused:
        unpack(name, data)
    assert refused.value.code in {"UNREADABLE", "TOO_COSTLY", "ENCRYPTED"}


# --- names ----------------------------------------------------------------------------------------
def with_raw_name(raw: bytes) -> bytes:
    """A zip as programs make it that write names in the encoding of their system."""
    data = zipped({"#" * len(raw): TEXT})
    return data.replace(b"#" * len(raw), raw)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("合同/2026年/租赁合同.txt".encode("gbk"), "合同/2026年/租赁合同.txt"),
        ("員工手冊.txt".encode("gb18030"), "員工手冊.txt"),
        ("合同.txt".encode(), "合同.txt"),
        ("Übersicht für März.txt".encode("cp437"), "Übersicht für März.txt"),
        (b"plain.txt", "plain.txt"),
    ],
)
def test_names_of_zips_are_read_in_their_encoding(
    unpack: Callable[..., Unpacked], raw: bytes, name: str
) -> None:
    assert list(texts(unpack("a.zip", with_raw_name(raw)))) == [name]


def test_a_tar_made_on_a_chinese_system_has_its_names(unpack: Callable[..., Unpacked]) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, encoding="gbk") as archive:
        info = tarfile.TarInfo("合同/租赁.txt")
        info.size = len(TEXT)
        archive.addfile(info, io.BytesIO(TEXT))
    assert list(texts(unpack("a.tar", out.getvalue()))) == ["合同/租赁.txt"]


def test_only_names_of_archives_are_taken_for_archives() -> None:
    assert [kind_of(name) for name in ("a.ZIP", "b.tar.gz", "c.7z", "d.docx", "zip", "e.gz")] == [
        ArchiveKind.ZIP,
        ArchiveKind.TAR,
        ArchiveKind.SEVEN,
        None,
        None,
        None,
    ]
