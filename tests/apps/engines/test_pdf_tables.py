"""What stands in which row and column of the tables of a PDF."""

import io
from collections.abc import Sequence
from uuid import uuid4

from reportlab.pdfgen.canvas import Canvas

from apps.engines.media_types import MediaType
from apps.rag.chunk import chunk
from apps.rag.ports import Block, BlockKind, Recipe
from tests.apps.engines.conftest import Read

# Where a text begins, its base line from the bottom, and the text.
Text = tuple[float, float, str]

STOCK = [
    *((x, 700.0, text) for x, text in ((60, "Article"), (220, "North"), (320, "South"))),
    *((x, 680.0, text) for x, text in ((60, "Pumps"), (320, "12"))),
    *((x, 660.0, text) for x, text in ((60, "Valves"), (220, "7"), (320, "9"))),
    *((x, 640.0, text) for x, text in ((60, "Filters"), (220, "31"))),
]


def page(texts: Sequence[Text]) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(600, 800), invariant=True)
    canvas.setFont("Helvetica", 10)
    for x, y, text in texts:
        canvas.drawString(x, y, text)
    canvas.save()
    return out.getvalue()


def tables(read: Read, texts: Sequence[Text]) -> list[Block]:
    blocks = read(page(texts), MediaType.PDF)
    return [block for block in blocks if block.kind is BlockKind.TABLE]


def test_a_value_stays_under_its_heading_where_cells_before_it_are_empty(read: Read) -> None:
    (table,) = tables(read, STOCK)
    assert table.text.split("\n") == [
        "Article | North | South",
        "Pumps | | 12",
        "Valves | 7 | 9",
        "Filters | 31",
    ]


def test_rows_are_the_same_in_whatever_order_they_were_drawn(read: Read) -> None:
    upwards = sorted(STOCK, key=lambda text: text[1])
    assert [b.text for b in tables(read, upwards)] == [b.text for b in tables(read, STOCK)]


def test_a_cell_of_two_lines_is_one_cell_with_a_box_around_both(read: Read) -> None:
    (table,) = tables(
        read,
        [
            *((60, 700, "Article"), (220, 700, "Remark"), (420, 700, "Stock")),
            *((60, 670, "Pumps"), (220, 670, "For cold water"), (420, 670, "12")),
            (220, 658, "and for oil"),
            *((60, 628, "Valves"), (220, 628, "None"), (420, 628, "9")),
            *((60, 598, "Filters of"), (220, 598, "By order"), (420, 598, "31")),
            (60, 586, "paper"),
        ],
    )
    assert table.text.split("\n")[1:] == [
        "Pumps | For cold water and for oil | 12",
        "Valves | None | 9",
        "Filters of paper | By order | 31",
    ]
    tall, low = table.boxes[1], table.boxes[2]
    assert tall.y1 - tall.y0 > 1.8 * (low.y1 - low.y0)


def test_headings_in_several_rows_stand_over_their_columns_in_every_passage(read: Read) -> None:
    texts: list[Text] = [
        *((255, 714, "Sales"), (455, 714, "Costs")),
        *((220, 700, "2025"), (320, 700, "2026"), (420, 700, "2025"), (520, 700, "2026")),
    ]
    for number in range(30):
        y = 680 - 14 * number
        texts += [(60, y, f"Branch {number}"), (220, y, "1,200"), (320, y, "1,300")]
        texts += [(420, y, "900"), (520, y, "950")]
    (table,) = tables(read, texts)
    assert table.header == "| Sales | | Costs\n| 2025 | 2026 | 2025 | 2026"
    passages = chunk([table], Recipe(size=120), version_id=str(uuid4()))
    assert len(passages) > 2
    for passage in passages:
        assert passage.text.startswith(table.header)
        assert passage.text.count("Sales") == 1


def test_a_table_that_was_folded_is_several_with_the_same_headings(read: Read) -> None:
    texts: list[Text] = []
    for left in (60, 320):
        texts += [(left, 700, "Size"), (left + 120, 700, "Price")]
        for number in range(4):
            y = 680 - 14 * number
            texts += [(left, y, f"No. {left + number}"), (left + 120, y, f"{left + number}.50")]
    first, second = tables(read, texts)
    assert first.header == second.header == "Size | Price"
    assert second.text.split("\n")[1] == "No. 320 | 320.50"
    assert second.boxes[1].x0 > first.boxes[1].x1


def test_a_section_over_rows_is_a_row_and_what_is_said_below_a_table_is_not(read: Read) -> None:
    after = (
        "The stock was counted on the last day of the year by two people of the department,",
        "who found no difference from the books that was worth a remark in this report.",
    )
    texts = [
        *STOCK[:5],
        *((60, 660, "Spare parts:"), (60, 640, "Valves"), (220, 640, "7"), (320, 640, "9")),
        *((60, 600 - 12 * number, line) for number, line in enumerate(after)),
    ]
    (table,) = tables(read, texts)
    assert table.text.split("\n")[1:] == ["Pumps | | 12", "Spare parts:", "Valves | 7 | 9"]


def test_two_columns_of_text_are_no_table(read: Read) -> None:
    left = ("Either party may end this agreement at", "any time by giving ninety days of notice")
    right = ("Notices are sent to the address of the", "other party, in writing and by post only")
    texts = [
        (x, 700 - 12 * (2 * number + line), text)
        for x, column in ((60, left), (320, right))
        for number in range(4)
        for line, text in enumerate(column)
    ]
    assert tables(read, texts) == []
