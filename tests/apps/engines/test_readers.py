"""What each reader makes of a file: order, headings, tables, pages, boxes, encodings."""

import io
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches
from reportlab.pdfgen.canvas import Canvas

from apps.engines.media_types import MediaType
from apps.rag.ports import Block, BlockKind, ParseError
from tests.apps.engines.public_data import DATA, needs
from tests.samples import sample

Read = Callable[[bytes, MediaType], list[Block]]
TITLE, TABLE, TEXT, ITEM = BlockKind.TITLE, BlockKind.TABLE, BlockKind.TEXT, BlockKind.LIST_ITEM


def outline(blocks: list[Block]) -> list[tuple[int, str]]:
    return [(block.level, block.text) for block in blocks if block.kind is TITLE]


def of_kind(blocks: list[Block], kind: BlockKind) -> list[str]:
    return [block.text for block in blocks if block.kind is kind]


# --- PDF ------------------------------------------------------------------------------------------
def test_a_pdf_keeps_headings_paragraphs_tables_and_pages(read: Read) -> None:
    blocks = read(sample("sample.pdf"), MediaType.PDF)
    assert [text for _, text in outline(blocks)] == [
        "Supply agreement",
        "1. Termination",
        "2. Prices",
        "第三条 付款",
    ]
    levels = {text: level for level, text in outline(blocks)}
    assert levels["Supply agreement"] < levels["1. Termination"] == levels["2. Prices"]
    (table,) = [block for block in blocks if block.kind is TABLE]
    assert table.text == "Product | 2025 | 2026\nCooling unit | 1,200 | 1,260\nPump | 310 | 325"
    assert table.header == "Product | 2025 | 2026"
    assert {block.text: block.page for block in blocks}["2. Prices"] == 2


def test_lines_of_a_paragraph_become_one_text(read: Read) -> None:
    blocks = read(sample("sample.pdf"), MediaType.PDF)
    texts = of_kind(blocks, TEXT)
    assert "in full and without delay, and invoices" in texts[0]
    assert "每日按未付金额的万分之五" in texts[-1], "no space between Chinese lines"


def test_running_heads_and_page_numbers_are_left_out(read: Read) -> None:
    text = "\n".join(block.text for block in read(sample("sample.pdf"), MediaType.PDF))
    assert "confidential" not in text
    assert "of 3" not in text


def test_boxes_lie_on_the_page_one_for_each_line(read: Read) -> None:
    blocks = read(sample("sample.pdf"), MediaType.PDF)
    paragraph = next(block for block in blocks if block.text.startswith("Either party"))
    assert len(paragraph.boxes) == 3
    for above, below in pairwise(paragraph.boxes):
        assert above.page == below.page == 1
        assert above.y0 < below.y0
    for box in (box for block in blocks for box in block.boxes):
        assert 0 <= box.x0 < box.x1 <= 1
        assert 0 <= box.y0 < box.y1 <= 1
    title = blocks[0].boxes[0]
    # Drawn at 60 of 595 points from the left and 760 of 842 from the bottom, 20 points high.
    assert title.x0 == pytest.approx(60 / 595, abs=0.01)
    assert title.y1 == pytest.approx(1 - 756 / 842, abs=0.01)


def turned(degrees: int, box: tuple[float, float, float, float] = (0, 0, 600, 800)) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(box[2] - box[0], box[3] - box[1]), invariant=True)
    canvas.setPageRotation(degrees)
    canvas.drawString(60, 700, "A line of text that is near the top of the page.")
    canvas.save()
    return out.getvalue()


@pytest.mark.parametrize(
    ("degrees", "corner"), [(0, "top left"), (90, "top right"), (180, "bottom right")]
)
def test_boxes_of_turned_pages_are_where_the_reader_sees_them(
    read: Read, degrees: int, corner: str
) -> None:
    (block,) = read(turned(degrees), MediaType.PDF)
    (box,) = block.boxes
    vertical, horizontal = corner.split()
    assert ((box.y0 + box.y1) / 2 < 0.5) == (vertical == "top")
    assert ((box.x0 + box.x1) / 2 < 0.5) == (horizontal == "left")


def test_the_columns_of_a_table_keep_their_rows_and_signs(read: Read) -> None:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(600, 800), invariant=True)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(300, 730, "December 31,")
    canvas.drawString(312, 718, "2022")
    canvas.drawString(420, 730, "December 25,")
    canvas.drawString(432, 718, "2021")
    for number, row in enumerate(
        (("Products", "96,388", "104,429"), ("Services", "20,766", "19,516"))
    ):
        canvas.drawString(60, 690 - 14 * number, row[0])
        canvas.drawString(290, 690 - 14 * number, "$")
        canvas.drawRightString(360, 690 - 14 * number, row[1])
        canvas.drawString(410, 690 - 14 * number, "$")
        canvas.drawRightString(480, 690 - 14 * number, row[2])
    canvas.save()
    (table,) = read(out.getvalue(), MediaType.PDF)
    assert table.kind is TABLE
    assert table.header == "| December 31, 2022 | December 25, 2021"
    assert table.text.split("\n")[1:] == [
        "Products | $ 96,388 | $ 104,429",
        "Services | $ 20,766 | $ 19,516",
    ]
    assert len(table.boxes) == 3


def test_what_was_typed_into_a_form_is_text(read: Read) -> None:
    out = io.BytesIO()
    canvas = Canvas(out, invariant=True)
    canvas.drawString(60, 760, "Application for leave of absence")
    canvas.acroForm.textfield(name="reason", value="moving house", x=60, y=700, width=200)
    canvas.save()
    text = "\n".join(block.text for block in read(out.getvalue(), MediaType.PDF))
    assert "moving house" in text


@pytest.mark.parametrize(
    ("name", "code"),
    [("encrypted.pdf", "ENCRYPTED"), ("truncated.pdf", "UNREADABLE"), ("scan.pdf", "NO_TEXT")],
)
def test_a_pdf_that_cannot_be_read_says_why(read: Read, name: str, code: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(sample(name), MediaType.PDF)
    assert caught.value.code == code


def test_a_quarterly_report_keeps_its_figures_beside_their_names(read: Read) -> None:
    path = needs(DATA / "sec10q" / "docs" / "2023 Q1 AAPL.pdf")
    blocks = read(path.read_bytes(), MediaType.PDF)
    rows = "\n".join(of_kind(blocks, TABLE)).split("\n")
    assert "Total net sales | 117,154 | 123,945" in rows
    assert "Net income | $ 29,998 | $ 34,630" in rows
    (sales,) = [
        b for b in blocks if b.kind is TABLE and "Total net sales" in b.text and b.page == 4
    ]
    assert sales.header == "| Three Months Ended\n| December 31, 2022 | December 25, 2021"
    assert max(block.page or 0 for block in blocks) == 46
    assert not [block for block in blocks if "Form 10-Q |" in block.text]
    titles = {text for _, text in outline(blocks)}
    assert "Note 1 – Summary of Significant Accounting Policies" in titles


# --- Word -----------------------------------------------------------------------------------------
def saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined] # a document, a deck or a book
    return out.getvalue()


def test_word_headings_lists_and_tables_are_kept_in_order(read: Read) -> None:
    blocks = read(sample("sample.docx"), MediaType.DOCX)
    assert [(block.kind, block.level, block.text.split("\n")[0]) for block in blocks] == [
        (TITLE, 1, "采购管理办法"),
        (TEXT, 0, "本办法适用于公司各部门的采购活动。"),
        (TITLE, 2, "审批权限"),
        (TEXT, 0, "采购金额超过五十万元的，须经总经理审批。"),
        (ITEM, 0, "询价不得少于三家供应商"),
        (TABLE, 0, "金额 | 审批人"),
        (TITLE, 2, "Delivery"),
        (TEXT, 0, "Goods are delivered within thirty days of the order."),
    ]
    assert blocks[5].header == "金额 | 审批人"


def test_chinese_lines_are_not_taken_for_titles(read: Read) -> None:
    """The library's own guess takes most of them for titles."""
    path = needs(DATA / "cmrc2018" / "cmrc2018_dev.json")
    articles = json.loads(path.read_text(encoding="utf-8"))["data"][:30]
    document = docx.Document()
    contexts = [p["context"] for article in articles for p in article["paragraphs"]]
    for number, context in enumerate(contexts):
        document.add_heading(f"第{number + 1}节", level=2)
        document.add_paragraph(context)
    blocks = read(saved(document), MediaType.DOCX)
    assert [text for _, text in outline(blocks)] == [f"第{n + 1}节" for n in range(len(contexts))]
    assert "".join(of_kind(blocks, TEXT)).split() == "".join(contexts).split()


def test_headings_by_chinese_style_names_and_outline_levels_are_headings(read: Read) -> None:
    document = docx.Document()
    for name in ("标题 2", "Our section"):
        document.styles.add_style(name, 1)
    level = parse_xml(f'<w:pPr {nsdecls("w")}><w:outlineLvl w:val="2"/></w:pPr>')
    document.styles["Our section"].element.append(level)
    document.add_paragraph("总则", style="标题 2")
    document.add_paragraph("Scope", style="Our section")
    document.add_paragraph("The rules apply to everyone.")
    assert outline(read(saved(document), MediaType.DOCX)) == [(2, "总则"), (3, "Scope")]


def test_text_in_controls_boxes_insertions_and_notes_is_read_and_deleted_text_is_not(
    read: Read,
) -> None:
    document = docx.Document()
    body = document.element.body
    w = nsdecls("w")
    run = "<w:r><w:t>{}</w:t></w:r>"
    control = "<w:sdt {}><w:sdtContent><w:p>{}</w:p></w:sdtContent></w:sdt>"
    contents = (
        f'<w:sdt {w}><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/>'
        f"</w:docPartObj></w:sdtPr><w:sdtContent><w:p>{run.format('Contents 1')}</w:p>"
        "</w:sdtContent></w:sdt>"
    )
    changed = (
        f"<w:p {w}><w:ins>{run.format('inserted words')}</w:ins>"
        "<w:del><w:r><w:delText>deleted words</w:delText></w:r></w:del></w:p>"
    )
    boxed = f"<w:p {w}><w:r><w:pict><w:txbxContent><w:p>{run.format('in a box')}</w:p></w:txbxContent></w:pict></w:r></w:p>"
    for xml in (control.format(w, run.format("in a control")), contents, changed, boxed):
        body.insert(len(body) - 1, parse_xml(xml))
    texts = [block.text for block in read(saved(document), MediaType.DOCX)]
    assert texts == ["in a control", "inserted words", "in a box"]


# --- the other office formats ---------------------------------------------------------------------
def test_slides_are_pages_with_their_notes_behind_them(read: Read) -> None:
    blocks = read(sample("sample.pptx"), MediaType.PPTX)
    assert [(block.page, block.kind, block.text) for block in blocks] == [
        (1, TITLE, "Maintenance plan"),
        (1, TEXT, "Pumps are inspected every six months"),
        (1, TEXT, "Say that the spring inspection was moved to May"),
        (2, TITLE, "年度预算"),
        (2, TABLE, "项目 | 金额\n备件 | 三十万元"),
    ]


def test_the_figures_of_a_chart_are_a_table(read: Read) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    make: Any = CategoryChartData
    data = make()
    data.categories = ["north", "south"]
    data.add_series("2025", (12, 14.5))
    slide.shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(1), Inches(4), Inches(3), data
    )
    (block,) = read(saved(deck), MediaType.PPTX)
    assert (block.kind, block.page) == (TABLE, 1)
    assert block.text.split("\n")[1:] == ["north | 12", "south | 14.5"]


def test_sheets_are_sections_with_captions_and_tables(read: Read) -> None:
    blocks = read(sample("sample.xlsx"), MediaType.XLSX)
    assert [(block.kind, block.sheet, block.text) for block in blocks] == [
        (TITLE, "Suppliers", "Suppliers"),
        (TEXT, "Suppliers", "Approved suppliers 2026"),
        (
            TABLE,
            "Suppliers",
            "Supplier | City | Rating | Since\nNordwind GmbH | Hamburg | 4.5\n东海泵业 | 宁波 | 5",
        ),
        (TITLE, "空调", "空调"),
        (TABLE, "空调", "机房 | 台数\n一号 | 12"),
    ]


def test_blank_rows_divide_tables_and_empty_cells_keep_their_place(read: Read) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (["a", "b", "c"], [1, None, 3], [], ["d", "e"], [0.1 + 0.2, True]):
        sheet.append(row)
    tables = of_kind(read(saved(book), MediaType.XLSX), TABLE)
    assert tables == ["a | b | c\n1 | | 3", "d | e\n0.3 | TRUE"]


def test_a_web_page_is_its_text_without_menus_and_scripts(read: Read) -> None:
    blocks = read(sample("sample.html"), MediaType.HTML)
    assert outline(blocks) == [(1, "Travel policy"), (2, "Hotels")]
    assert of_kind(blocks, TABLE) == ["City | Limit\nParis | 180"]
    text = "\n".join(block.text for block in blocks)
    assert "Home About" not in text
    assert "alert" not in text


@pytest.mark.parametrize("charset", ["gb2312", "gbk", "big5", "utf-8", "windows-1252"])
def test_a_page_says_its_own_encoding(read: Read, charset: str) -> None:
    text = "Gebühr für Müller" if charset == "windows-1252" else "本公司地址"
    page = f"<html><head><meta charset={charset}></head><body><p>{text}</p></body></html>"
    (block,) = read(page.encode(charset), MediaType.HTML)
    assert block.text == text


def test_a_merged_cell_stands_once_and_the_others_keep_their_columns(read: Read) -> None:
    page = (
        b"<table><tr><th>plant</th><th>year</th><th>units</th></tr>"
        b"<tr><td rowspan=2>north</td><td>2025</td><td>4</td></tr>"
        b"<tr><td>2026</td><td>5</td></tr><tr><td colspan=2>sum</td><td>9</td></tr></table>"
    )
    (table,) = read(page, MediaType.HTML)
    assert table.text == "plant | year | units\nnorth | 2025 | 4\n| 2026 | 5\nsum | | 9"


def test_markdown_keeps_its_structure(read: Read) -> None:
    blocks = read(sample("sample.md"), MediaType.MARKDOWN)
    assert outline(blocks) == [(1, "值班手册"), (2, "告警")]
    assert of_kind(blocks, ITEM) == ["先确认", "再升级"]
    assert of_kind(blocks, BlockKind.CODE) == ["systemctl restart pump"]
