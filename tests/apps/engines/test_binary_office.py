"""Binary Excel workbooks, and documents of later iWork programs: read, or refused with a reason."""

import io
import zipfile
from pathlib import Path

import pytest

from apps.core.errors import AppError, ErrorCode
from apps.documents.arrival.sniff import media_type_of
from apps.engines.media_types import MediaType
from apps.engines.parsers.ocr.pasted import _number
from apps.rag.ports import BlockKind, ParseError
from tests.apps.engines.conftest import Read
from tests.apps.engines.public_data import DATA, needs
from tests.samples import sample


def zipped(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return tmp_path / "stored"


def test_a_binary_workbook_gives_its_sheets_and_tables(read: Read, stored: Path) -> None:
    data = needs(DATA / "tika_docs/files/testEXCEL_charts.xlsb").read_bytes()
    stored.write_bytes(data)
    assert media_type_of(stored, "a.xlsb") is MediaType.XLSB
    blocks = read(data, MediaType.XLSB)
    assert (blocks[0].kind, blocks[0].text) == (BlockKind.TITLE, "Sheet1")
    table = next(block for block in blocks if block.kind is BlockKind.TABLE)
    assert "MONTH" in table.text
    assert "January | 5" in table.text


def test_a_broken_binary_workbook_is_unreadable(read: Read, stored: Path) -> None:
    data = zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.bin": b"\x83\x01\xff" * 50})
    stored.write_bytes(data)
    assert media_type_of(stored, "a.xlsb") is MediaType.XLSB
    with pytest.raises(ParseError) as caught:
        read(data, MediaType.XLSB)
    assert caught.value.code in {"UNREADABLE", "NO_TEXT"}


@pytest.mark.parametrize("name", ["plan.pages", "plan.key", "plan.numbers"])
def test_a_later_iwork_document_is_read_by_its_preview(read: Read, stored: Path, name: str) -> None:
    parts = {"Index/Document.iwa": b"\x00\x01", "QuickLook/Preview.pdf": sample("sample.pdf")}
    data = zipped(parts)
    stored.write_bytes(data)
    media_type = media_type_of(stored, name)
    assert media_type.suffixes[0] == name.rpartition(".")[2]
    of_the_pdf = read(sample("sample.pdf"), MediaType.PDF)
    blocks = read(data, media_type)
    assert [block.text for block in blocks] == [block.text for block in of_the_pdf]
    assert not any(block.boxes for block in blocks), "nobody can open the preview"


def test_one_without_a_preview_says_what_to_do(stored: Path) -> None:
    stored.write_bytes(zipped({"Index/Document.iwa": b"\x00\x01", "preview.jpg": b"\xff\xd8\xff"}))
    with pytest.raises(AppError) as caught:
        media_type_of(stored, "plan.pages")
    assert caught.value.code == ErrorCode.NEW_IWORK


def test_a_picture_may_be_named_with_any_digits() -> None:
    """Some are digits and no numbers."""
    names = ["word/media/image²9.png", "word/media/image10.png", "word/media/image٣.png"]
    assert sorted(names, key=_number)
