"""OpenDocument, Rich Text and e-books: structure kept, hostile ones refused with a code."""

import io
import zipfile
from pathlib import Path

import pytest

from apps.core.errors import AppError
from apps.documents.arrival.sniff import media_type_of
from apps.engines.media_types import MediaType
from apps.rag.ports import Block, BlockKind, ParseError
from tests.apps.engines.conftest import Read

TITLE, TEXT, TABLE, ITEM = BlockKind.TITLE, BlockKind.TEXT, BlockKind.TABLE, BlockKind.LIST_ITEM
_URN = "urn:oasis:names:tc:opendocument:xmlns"
_NAMES = " ".join(
    f'xmlns:{name}="{_URN}:{name if name != "draw" else "drawing"}:1.0"'
    for name in ("office", "text", "table", "style", "draw", "presentation")
)


def zipped(**parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def odf(
    kind: str, body: str, styles: str = "", manifest: str = "<m/>", kind_of_file: str = ""
) -> bytes:
    content = (
        f"<office:document-content {_NAMES}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    parts = {"content.xml": content, "META-INF/manifest.xml": manifest}
    return zipped(**({"mimetype": kind_of_file} if kind_of_file else {}), **parts)


def plain(blocks: list[Block]) -> list[tuple[BlockKind, int, str]]:
    return [(block.kind, block.level, block.text) for block in blocks]


# --- OpenDocument ---------------------------------------------------------------------------------
def test_a_text_document_keeps_headings_lists_tables_and_notes(read: Read) -> None:
    body = """
<text:tracked-changes><text:p>deleted words</text:p></text:tracked-changes>
<text:p text:style-name="P1">采购办法</text:p>
<text:h text:outline-level="2">Approval</text:h>
<text:p>From<text:s text:c="2"/>1 May<text:note><text:note-citation>1</text:note-citation>
<text:note-body><text:p>Unless a holiday.</text:p></text:note-body></text:note> on,
 <text:span>three</text:span> bids.<text:line-break/>No fewer.</text:p>
<text:list><text:list-item><text:p>first</text:p></text:list-item></text:list>
<table:table><table:table-header-rows><table:table-row>
<table:table-cell><text:p>金额</text:p></table:table-cell>
<table:table-cell><text:p>审批人</text:p></table:table-cell></table:table-row>
</table:table-header-rows><table:table-row><table:table-cell table:number-columns-spanned="2">
<text:p>十万</text:p></table:table-cell><table:covered-table-cell/></table:table-row></table:table>"""
    styles = '<style:style style:name="P1" style:parent-style-name="Title"/>'
    blocks = read(odf("text", body, styles), MediaType.ODT)
    assert plain(blocks) == [
        (TITLE, 1, "采购办法"),
        (TITLE, 2, "Approval"),
        (TEXT, 0, "From 1 May on, three bids.\nNo fewer."),
        (TEXT, 0, "Unless a holiday."),
        (ITEM, 0, "first"),
        (TABLE, 0, "金额 | 审批人\n十万"),
    ]
    assert blocks[-1].header == "金额 | 审批人"


def test_sheets_of_a_spreadsheet_are_sections_and_fillers_are_not_cells(read: Read) -> None:
    row = "<table:table-row>{}</table:table-row>".format
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>".format
    filler = '<table:table-cell table:number-columns-repeated="16384"/>'
    body = (
        '<table:table table:name="供应商">'
        + row(cell("name") + cell("city") + filler)
        + row(cell("东海") + '<table:table-cell office:value="4.5"/>' + filler)
        + f'<table:table-row table:number-rows-repeated="1048574">{filler}</table:table-row>'
        + "</table:table>"
    )
    blocks = read(odf("spreadsheet", body), MediaType.ODS)
    assert plain(blocks) == [(TITLE, 1, "供应商"), (TABLE, 0, "name | city\n东海 | 4.5")]
    assert {block.sheet for block in blocks} == {"供应商"}


def test_slides_are_pages_with_their_notes_behind_them(read: Read) -> None:
    frame = '<draw:frame presentation:class="{}"><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>'
    body = (
        f"<draw:page>{frame.format('outline', 'Pumps')}{frame.format('title', 'Plan')}"
        f"<presentation:notes>{frame.format('notes', 'said in May')}</presentation:notes>"
        f"</draw:page><draw:page>{frame.format('title', '预算')}</draw:page>"
    )
    blocks = read(odf("presentation", body), MediaType.ODP)
    assert [(block.page, block.kind, block.text) for block in blocks] == [
        (1, TITLE, "Plan"),
        (1, TEXT, "Pumps"),
        (1, TEXT, "said in May"),
        (2, TITLE, "预算"),
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (odf("text", "<text:p>x</text:p>", manifest="<m><encryption-data/></m>"), "ENCRYPTED"),
        (zipped(**{"a.txt": "x"}), "UNREADABLE"),
        (zipped(**{"content.xml": "<a"}), "UNREADABLE"),
        (zipped(**{"content.xml": "<a/>"}), "UNREADABLE"),
        (b"PK\x03\x04 no more", "UNREADABLE"),
        (odf("text", ""), "NO_TEXT"),
        (zipped(**{"content.xml": "<a>" + " " * (200 << 20)}), "TOO_COSTLY"),
    ],
    ids=["encrypted", "no-content", "cut", "no-body", "no-zip", "empty", "bomb"],
)
def test_an_open_document_that_cannot_be_read_says_why(read: Read, data: bytes, code: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(data, MediaType.ODT)
    assert caught.value.code == code


# --- RTF ------------------------------------------------------------------------------------------
def rtf(body: str) -> bytes:
    head = (
        r"{\rtf1\ansi\ansicpg936{\fonttbl{\f0\fcharset134 SimSun;}{\f1\fcharset204 Arial;}}"
        r"{\stylesheet{\s1\outlinelevel0 heading 1;}{\s2 heading 2;}}{\info{\title Not text}}"
    )
    return (head + body + "}").encode("latin-1")


def test_rich_text_keeps_headings_lists_tables_notes_and_code_pages(read: Read) -> None:
    def cells(*texts: str) -> str:
        return r"\pard\intbl " + "".join(rf"{text}\cell " for text in texts) + r"\row "

    chinese = "".join(rf"\'{byte:02x}" for byte in "采购办法".encode("gb18030"))
    russian = "".join(rf"\'{byte:02x}" for byte in "насос".encode("cp1251"))
    body = (
        rf"{{\header running head\par}}\pard\s1\f0 {chinese}\par\pard\s2 Scope\par"
        rf"\pard Pumps \u8212? \f1 {russian}{{\footnote\pard See May.\par}} {{\b run}}.\par"
        r"\pard\ls1{\listtext 1.\tab}first\par"
        + cells("part", "stock")
        + cells("valve", "14")
        + r"\pard "
        r"{\*\unknown hidden}{\field{\*\fldinst HYPERLINK x}{\fldrslt link}} \{x\}"
        r"{\pict\bin5 }}}}}}\u-10179?\u-8704?\par"
    )
    assert plain(read(rtf(body), MediaType.RTF)) == [
        (TITLE, 1, "采购办法"),
        (TITLE, 2, "Scope"),
        (TEXT, 0, "Pumps — насос run."),
        (TEXT, 0, "See May."),
        (ITEM, 0, "first"),
        (TABLE, 0, "part | stock\nvalve | 14"),
        (TEXT, 0, "link {x}😀"),
        (TEXT, 0, "running head"),
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{\\rtf1", "NO_TEXT"),
        (b"plain", "UNREADABLE"),
        (b"{\\rtf1" + b"{" * 1_000_000, "UNREADABLE"),
        (b"{\\rtf1 \\bin99999999 \\", "NO_TEXT"),
    ],
    ids=["cut", "plain", "deep", "noise"],
)
def test_broken_rich_text_is_refused_with_a_code(read: Read, data: bytes, code: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(data, MediaType.RTF)
    assert caught.value.code == code


# --- EPUB -----------------------------------------------------------------------------------------
def book(*chapters: str, folder: str = "", **more: str) -> bytes:
    items = "".join(
        f'<item id="c{n}" href="{folder}c%20{n}.xhtml" media-type="application/xhtml+xml"/>'
        for n in range(len(chapters))
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in reversed(range(len(chapters))))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>运维手册</dc:title></metadata>'
        '<manifest><item id="nav" href="nav.xhtml" properties="nav" '
        f'media-type="application/xhtml+xml"/>{items}</manifest>'
        f'<spine><itemref idref="nav"/>{spine}</spine></package>'
    )
    container = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    parts = {"META-INF/container.xml": container, "OPS/book.opf": package, **more}
    parts |= {f"OPS/c {n}.xhtml": text for n, text in enumerate(chapters)}
    return zipped(**parts)


def test_chapters_of_a_book_come_in_the_order_of_its_spine(read: Read) -> None:
    first = "<html><body><h1>Later</h1><p>Close the valve.</p></body></html>"
    second = (
        '<?xml version="1.0" encoding="utf-8"?><html><body><h1>先</h1><p>停泵。</p></body></html>'
    )
    assert plain(read(book(first, second), MediaType.EPUB)) == [
        (TITLE, 1, "运维手册"),
        (TITLE, 2, "先"),
        (TEXT, 0, "停泵。"),
        (TITLE, 2, "Later"),
        (TEXT, 0, "Close the valve."),
    ]


def test_a_locked_book_is_encrypted_and_one_without_a_package_is_unreadable(read: Read) -> None:
    lock = '<e><d><CipherReference URI="OPS/c%200.xhtml"/></d></e>'
    for data, code in (
        (book("<p>x</p>", **{"META-INF/encryption.xml": lock}), "ENCRYPTED"),
        (zipped(mimetype="application/epub+zip"), "UNREADABLE"),
    ):
        with pytest.raises(ParseError) as caught:
            read(data, MediaType.EPUB)
        assert caught.value.code == code


def test_a_book_cannot_read_outside_of_itself(read: Read, tmp_path: Path) -> None:
    (tmp_path / "c 0.xhtml").write_text("<p>secret</p>", encoding="utf-8")
    for folder in (f"{tmp_path}/", f"file://{tmp_path}/", f"../../../../../..{tmp_path}/"):
        blocks = read(book("<p>x</p>", folder=folder), MediaType.EPUB)
        assert [block.text for block in blocks] == ["运维手册"]


# --- iWork ----------------------------------------------------------------------------------------
def test_old_keynote_files_are_slides_with_titles_and_tables(read: Read, tmp_path: Path) -> None:
    sf, key = "http://developer.apple.com/namespaces/sf", "k"
    cells = "".join(
        f'<sf:t><sf:ct sfa:s="{text}"/></sf:t>' for text in ("part", "stock", "阀", "14")
    )
    source = f"""<key:presentation xmlns:sf="{sf}" xmlns:sfa="{sf}a" xmlns:key="{key}">
<key:theme-list><key:slide><sf:p>sample</sf:p></key:slide></key:theme-list>
<key:slide><key:title-placeholder><sf:p>检修<sf:br/>Plan</sf:p></key:title-placeholder>
<sf:p>In <sf:span>May</sf:span>.</sf:p></key:slide>
<key:slide><sf:tabular-model><sf:grid sf:numcols="2"><sf:datasource>{cells}</sf:datasource>
</sf:grid></sf:tabular-model></key:slide></key:presentation>"""
    data = zipped(**{"index.apxl": source})
    assert [(block.page, block.kind, block.text) for block in read(data, MediaType.KEYNOTE)] == [
        (1, TITLE, "检修 Plan"),
        (1, TEXT, "In May."),
        (2, TABLE, "part | stock\n阀 | 14"),
    ]
    with pytest.raises(ParseError, match="no index"):
        read(zipped(**{"Index/Document.iwa": "x"}), MediaType.PAGES)


@pytest.mark.parametrize(
    ("data", "name", "wanted"),
    [
        (zipped(mimetype="application/vnd.oasis.opendocument.text"), "a.zip", MediaType.ODT),
        (zipped(mimetype="application/vnd.oasis.opendocument.text-template"), "a", MediaType.ODT),
        (zipped(mimetype="application/epub+zip"), "b", MediaType.EPUB),
        (zipped(**{"META-INF/container.xml": "x"}), "b.epub", MediaType.EPUB),
        (zipped(**{"index.apxl": "x"}), "c.key", MediaType.KEYNOTE),
        (zipped(**{"index.xml": "x"}), "d.pages", MediaType.PAGES),
        (rtf("x"), "e.doc", MediaType.RTF),
        (b'<?xml version="1.0"?>\n<html xmlns="x"/>', "f.xml", MediaType.HTML),
        (b"<html><table><tr><td>1</td></tr></table>", "g.xls", MediaType.HTML),
        ("部门\t人数\n生产\t12\n".encode("gb18030"), "h.xls", MediaType.TSV),
        ("部门\t人数\n生产\t12\n".encode("utf-16"), "h.xls", MediaType.TSV),
        (b"MIME-Version: 1.0\nContent-Type: text/html\n\n<p>x</p>", "i.doc", MediaType.EML),
    ],
)
def test_what_a_file_is_is_told_by_what_it_holds(
    tmp_path: Path, data: bytes, name: str, wanted: MediaType
) -> None:
    path = tmp_path / "blob"
    path.write_bytes(data)
    assert media_type_of(path, name) is wanted


# The flag of the first member says that its name is UTF-8, and it is not.
MISNAMED = bytearray(zipped(mimetype="application/epub+zip"))
MISNAMED[7], MISNAMED[30] = 8, 0x80


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (bytes(MISNAMED), "a.epub"),
        (zipped(**{"index.xml": "x"}), "a.zip"),
        (zipped(mimetype="application/vnd.unknown"), "b.odt"),
        (zipped(**{"Index/Document.iwa": "x"}), "c.pages"),
    ],
)
def test_other_archives_are_not_read(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / "blob"
    path.write_bytes(data)
    with pytest.raises(AppError) as caught:
        media_type_of(path, name)
    assert caught.value.status == 415
