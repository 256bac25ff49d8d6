"""What stands beside the text of office files: charts, comments, heads and feet of pages."""

import io
import zipfile

import docx
import openpyxl
import pytest
from docx.oxml import parse_xml
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment

from apps.engines.media_types import MediaType
from apps.engines.parsers.office.numerals import numeral
from apps.engines.parsers.running_heads import head_blocks_of
from apps.rag.ports import BlockKind
from tests.apps.engines.conftest import Read
from tests.samples import sample
from tests.samples.ole2 import container


def saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined] # a document or a book
    return out.getvalue()


def test_heads_feet_and_comments_of_word_follow_its_text_once(read: Read) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Pumps are inspected in May.")
    document.add_comment(paragraph.runs, text="June, says the board.")
    document.sections[0].header.paragraphs[0].text = "制度编号 HR-012"
    document.sections[0].footer.paragraphs[0].text = "Page 1 of 9"
    document.add_section().header.is_linked_to_previous = False
    document.sections[1].header.paragraphs[0].text = "制度编号 HR-012"
    texts = [block.text for block in read(saved(document), MediaType.DOCX)]
    assert texts == ["Pumps are inspected in May.", "June, says the board.", "制度编号 HR-012"]


def test_charts_and_comments_of_a_sheet_are_read(read: Read) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (["plant", "units"], ["north", 4], ["south", 5]):
        sheet.append(row)
    sheet["B2"].comment = Comment("counted twice", "Ann")
    chart = BarChart()
    chart.title = "Units by plant"
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    sheet.add_chart(chart, "D2")
    sheet.oddHeader.left.text, sheet.oddFooter.center.text = "R&&D stock", "Page &P of &N"
    texts = [block.text for block in read(saved(book), MediaType.XLSX)]
    assert texts[:2] == ["Sheet", "plant | units\nnorth | 4\nsouth | 5"]
    assert "Units by plant" in texts
    assert "counted twice" in texts
    assert texts[-1] == "R&D stock"


def test_a_file_inside_of_a_file_is_read_below_its_name(read: Read) -> None:
    out = io.BytesIO(sample("sample.xlsx"))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/embeddings/Order.docx", sample("sample.docx"))
        archive.writestr("xl/embeddings/oleObject1.bin", container(CONTENTS=sample("sample.pdf")))
        archive.writestr("xl/embeddings/oleObject2.bin", b"noise")
        archive.writestr("xl/embeddings/Drawn.xlsx", sample("sample.xlsx"))
        link = '<r xmlns="x"><Relationship Target="../embeddings/Drawn.xlsx"/></r>'
        archive.writestr("xl/charts/_rels/chart1.xml.rels", link)
    blocks = read(out.getvalue(), MediaType.XLSX)
    texts = [block.text for block in blocks]
    at = texts.index("Order.docx")
    assert (blocks[at].kind, blocks[at].level, texts[at + 1]) == (
        BlockKind.TITLE,
        2,
        "采购管理办法",
    )
    assert "Supply agreement" in texts
    assert "Drawn.xlsx" not in texts
    assert "oleObject2.bin" not in texts
    assert {block.page for block in blocks} == {None}


def test_a_head_is_kept_once_and_a_page_number_never() -> None:
    texts = ["Rule 7", "Page 1 of 9", "rule 7", "第 1 页 共 9 页", "- 3 -", "", "Valid from May"]
    assert [block.text for block in head_blocks_of(texts)] == ["Rule 7", "Valid from May"]


NUMBERING = """<w:numbering xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">
<w:abstractNum w:abstractNumId="7">
<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="chineseCountingThousand"/>
<w:pStyle w:val="Heading1"/><w:lvlText w:val="第%1条"/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:isLgl/>
<w:lvlText w:val="%1.%2"/></w:lvl>
<w:lvl w:ilvl="2"><w:numFmt w:val="bullet"/><w:lvlText w:val="*"/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="7"/>
<w:lvlOverride w:ilvl="1"><w:startOverride w:val="5"/></w:lvlOverride></w:num></w:numbering>"""


def test_numbers_that_word_counts_stand_before_their_paragraphs(read: Read) -> None:
    document = docx.Document()
    document.part.numbering_part._element = parse_xml(NUMBERING)
    heading = document.styles["Heading 1"].element.get_or_add_pPr()
    heading.get_or_add_numPr().get_or_add_numId().val = 1
    document.add_heading("总则", level=1)
    for level, which, text in ((1, 1, "a"), (1, 1, "b"), (2, 1, "c"), (1, 2, "d"), (0, 0, "e")):
        properties = document.add_paragraph(text)._p.get_or_add_pPr().get_or_add_numPr()
        properties.get_or_add_ilvl().val, properties.get_or_add_numId().val = level, which
    document.add_heading("付款", level=1)
    texts = [block.text for block in read(saved(document), MediaType.DOCX)]
    assert texts == ["第一条 总则", "1.1 a", "1.2 b", "c", "1.5 d", "e", "第二条 付款"]


@pytest.mark.parametrize(
    ("number", "form", "written"),
    [
        (12, "chineseCounting", "十二"),
        (103, "chineseCountingThousand", "一百零三"),
        (210, "japaneseCounting", "二百一十"),
        (2001, "taiwaneseCounting", "二千零一"),
        (28, "lowerLetter", "bb"),
        (1994, "upperRoman", "MCMXCIV"),
        (3, "decimalEnclosedCircle", "③"),
        (0, "lowerRoman", "0"),
        (10**9, "upperRoman", "1000000000"),
        (7, "unheard", "7"),
    ],
)
def test_numerals(number: int, form: str, written: str) -> None:
    assert numeral(number, form) == written
