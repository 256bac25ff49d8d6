"""What stands beside the text of office files: charts, comments, heads and feet of pages."""

import io

import docx
import openpyxl
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment

from apps.engines.adapters.running_heads import head_blocks_of
from apps.engines.media_types import MediaType
from tests.apps.engines.conftest import Read


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
    texts = [block.text for block in read(saved(book), MediaType.XLSX)]
    assert texts[:2] == ["Sheet", "plant | units\nnorth | 4\nsouth | 5"]
    assert "Units by plant" in texts
    assert "counted twice" in texts


def test_a_head_is_kept_once_and_a_page_number_never() -> None:
    texts = ["Rule 7", "Page 1 of 9", "rule 7", "第 1 页 共 9 页", "- 3 -", "", "Valid from May"]
    assert [block.text for block in head_blocks_of(texts)] == ["Rule 7", "Valid from May"]
