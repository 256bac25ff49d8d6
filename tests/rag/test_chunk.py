"""Blocks into chunks: nothing lost, never too large, borders where a reader expects them."""

from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.rag.chunk import chunk, estimate_tokens
from apps.rag.ports import Block, BlockKind, Box, Recipe

VERSION = "01890000-0000-7000-8000-000000000001"
ENGLISH = "The parties agree on the terms that are laid down in the annex to this contract. "
CHINESE = "双方同意按照本合同附件所列条款履行各自的义务，并承担相应的责任。"


def text(content, **fields):
    return Block(BlockKind.TEXT, content, **fields)


def title(content, level=1, **fields):
    return Block(BlockKind.TITLE, content, level=level, **fields)


def table(rows, header, **fields):
    return Block(BlockKind.TABLE, "\n".join([header, *rows]), header=header, **fields)


def chunks_of(*blocks, **recipe):
    return chunk(blocks, Recipe(**recipe), version_id=VERSION)


def squeezed(content):
    return "".join(content.split())


# --- identity ---------------------------------------------------------------------------------


def test_ids_are_the_same_on_every_run_and_differ_by_ordinal_recipe_and_version():
    blocks = [text(ENGLISH * 40)]
    first = chunk(blocks, Recipe(), version_id=VERSION)
    assert first == chunk(blocks, Recipe(), version_id=VERSION)
    other_recipe = chunk(blocks, Recipe(size=100), version_id=VERSION)
    other_version = chunk(blocks, Recipe(), version_id=VERSION[:-1] + "2")
    ids = [each.id for each in (*first, *other_recipe, *other_version)]
    assert len(first) > 1
    assert len(set(ids)) == len(ids)
    assert [each.ordinal for each in first] == list(range(len(first)))
    assert all(UUID(each.id).version == 5 for each in first)


def test_nothing_gives_nothing():
    assert chunks_of() == []
    assert chunks_of(text(" \n\u3000 "), title("  ")) == []


def test_a_recipe_without_room_is_refused():
    with pytest.raises(ValueError, match="at least one token"):
        chunks_of(text("a"), size=0)


# --- sizes and borders ------------------------------------------------------------------------


@pytest.mark.parametrize("sentence", [ENGLISH, CHINESE])
def test_long_text_is_cut_between_sentences_into_even_chunks(sentence):
    chunks = chunks_of(text(sentence * 30), size=100)
    sizes = [estimate_tokens(each.text) for each in chunks]
    assert len(chunks) > 3
    assert all(each.text.endswith(sentence.strip()[-1]) for each in chunks)
    assert max(sizes) <= 100
    assert min(sizes) >= 50


def test_small_neighbours_of_a_section_share_a_chunk():
    (only,) = chunks_of(text("First paragraph."), text("第二段。"), text("Third."))
    assert only.text == "First paragraph.\n第二段。\nThird."


def test_a_chunk_rather_ends_with_a_paragraph_than_inside_one():
    paragraphs = [text(ENGLISH * 3) for _ in range(6)]
    chunks = chunks_of(*paragraphs, size=160)
    assert all(each.text.count("contract.") % 3 == 0 for each in chunks)


@pytest.mark.parametrize(
    "unit", ["x", "中", "word ", "，甲乙丙丁", "😀\u0301", ".", '."', " ", "1,2"]
)
def test_a_huge_line_is_cut_and_nothing_is_lost(unit):
    line = unit * (200_000 // len(unit))
    chunks = chunks_of(text(line))
    assert "".join(squeezed(each.text) for each in chunks) == squeezed(line)
    assert all(estimate_tokens(each.text) <= 320 for each in chunks)


def test_an_overlong_sentence_is_cut_at_a_clause_then_at_a_space():
    clauses = chunks_of(text("甲方应当按时付款，" * 60), size=64)
    assert all(each.text.endswith("，") for each in clauses)
    words = chunks_of(text("performance " * 200), size=64)
    assert all(squeezed(each.text) == "performance" * each.text.count("p") for each in words)


def test_a_word_inside_chinese_text_stays_whole():
    chunks = chunks_of(text("中文ABCDEF" * 100), size=30)
    assert all(each.text.count("A") == each.text.count("F") for each in chunks)


BLOCKS = st.lists(
    st.builds(
        Block,
        kind=st.sampled_from([BlockKind.TEXT, BlockKind.LIST_ITEM, BlockKind.CODE]),
        text=st.text(alphabet="ab Z9.,!?。！，、；”」\n中文数据😀", max_size=150),
        page=st.sampled_from([None, 1, 1, 2, 3]),
    ),
    max_size=8,
)


@given(blocks=BLOCKS, size=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_every_character_is_in_the_chunks_in_order_and_no_chunk_is_too_large(blocks, size):
    chunks = chunks_of(*blocks, size=size)
    joined = "".join(squeezed(each.text) for each in chunks)
    assert joined == "".join(squeezed(block.text) for block in blocks)
    assert all(estimate_tokens(each.text) <= size for each in chunks)
    assert all(each.text.strip() for each in chunks)


@given(blocks=BLOCKS, size=st.integers(4, 60), overlap=st.integers(1, 80))
@settings(max_examples=40, deadline=None)
def test_overlap_repeats_but_never_loses_nor_outgrows(blocks, size, overlap):
    whole = "".join(squeezed(block.text) for block in blocks)
    position = 0
    for each in chunks_of(*blocks, size=size, overlap=overlap):
        assert estimate_tokens(each.text) <= size
        part = squeezed(each.text)
        found = whole.rfind(part, 0, position + len(part))
        assert found >= 0
        position = found + len(part)
    assert position == len(whole)


def test_overlap_begins_a_chunk_with_the_last_sentences_of_the_one_before():
    sentences = [f"Sentence number {number} is about the matter at hand. " for number in range(30)]
    chunks = chunks_of(text("".join(sentences)), size=80, overlap=20)
    for before, after in pairwise(chunks):
        assert before.text.rsplit("Sentence", 1)[1] in after.text


# --- titles -----------------------------------------------------------------------------------


def test_titles_travel_as_the_path_above_their_text():
    chunks = chunks_of(
        title("Handbook"),
        text("Welcome."),
        title("Leave", 2),
        title("Sick leave", 3),
        text("Call in."),
        title("Travel", 2),
        text("Book early."),
    )
    assert [(each.headings, each.text) for each in chunks] == [
        (("Handbook",), "Welcome."),
        (("Handbook", "Leave", "Sick leave"), "Call in."),
        (("Handbook", "Travel"), "Book early."),
    ]
    assert chunks[1].embed_text == "Handbook\nLeave\nSick leave\nCall in."


def test_a_title_without_text_below_is_not_lost():
    chunks = chunks_of(title("Annual report"), title("Summary"), text("All is well."), title("End"))
    assert [(each.headings, each.text) for each in chunks] == [
        (("Summary",), "Annual report\nAll is well."),
        ((), "End"),
    ]


def test_a_title_as_long_as_a_paragraph_is_clipped_in_the_path_and_whole_in_the_text():
    long_title = CHINESE * 6
    first, *rest = chunks_of(title(long_title), text(ENGLISH * 30))
    assert estimate_tokens("".join(first.headings)) <= 64
    assert first.headings[0].endswith("…")
    assert long_title in first.text
    assert all(each.headings == first.headings and CHINESE not in each.text for each in rest)


@given(
    st.lists(
        st.one_of(
            st.builds(title, st.text(alphabet="Ab中 ", max_size=120), st.integers(0, 6)),
            st.builds(text, st.text(alphabet="cd文。 ", max_size=30)),
        ),
        max_size=10,
    )
)
@settings(max_examples=40, deadline=None)
def test_every_title_is_in_a_path_or_in_a_text(blocks):
    chunks = chunks_of(*blocks, size=400)
    told = [squeezed(part) for each in chunks for part in (*each.headings, each.text)]
    for block in blocks:
        assert any(squeezed(block.text) in part for part in told) or not block.text.strip()
    assert all(estimate_tokens("".join(each.headings)) <= 64 for each in chunks)


def test_without_headings_titles_are_text():
    (only,) = chunks_of(title("Leave"), text("Call in."), headings=False)
    assert (only.headings, only.text) == ((), "Leave\nCall in.")


def test_sheets_do_not_mix_and_name_their_chunks():
    first, second = chunks_of(text("a", sheet="Sales"), text("b", sheet="Costs"))
    assert (first.headings, second.headings) == (("Sales",), ("Costs",))


# --- tables -----------------------------------------------------------------------------------

ROWS = [f"Product {number} | {number * 3} | {number}.50 EUR" for number in range(60)]
HEADER = "Name | Count | Price"


def test_a_table_is_cut_between_rows_with_its_header_in_each_chunk():
    chunks = chunks_of(table(ROWS, HEADER), size=100)
    lines = [each.text.split("\n") for each in chunks]
    assert len(chunks) > 3
    assert all(each[0] == HEADER for each in lines)
    assert [row for each in lines for row in each[1:]] == ROWS
    assert all(estimate_tokens(each.text) <= 100 for each in chunks)


def test_a_header_kept_apart_by_the_parser_is_put_on_top_of_short_and_long_tables():
    for rows in (ROWS[:3], ROWS):
        block = Block(BlockKind.TABLE, "\n".join(rows), header=HEADER)
        lines = [line for each in chunks_of(block, size=120) for line in each.text.split("\n")]
        assert [line for line in lines if line != HEADER] == rows
        assert lines[0] == HEADER


def test_a_small_table_stays_with_the_paragraph_before_it():
    (only,) = chunks_of(text("Prices:"), table(ROWS[:2], HEADER))
    assert only.text == "\n".join(["Prices:", HEADER, *ROWS[:2]])


def test_a_table_that_does_not_fit_beside_the_text_moves_whole_to_the_next_chunk():
    first, second = chunks_of(text(ENGLISH * 6), table(ROWS[:8], HEADER), size=160)
    assert second.text == "\n".join([HEADER, *ROWS[:8]])
    assert first.text == (ENGLISH * 6).strip()


def test_a_row_longer_than_a_chunk_is_cut_at_cells_and_keeps_its_header():
    row = " | ".join(f"cell {number}" for number in range(200))
    chunks = chunks_of(table([row], HEADER), size=60)
    assert all(each.text.startswith(HEADER + "\n") for each in chunks)
    assert all(estimate_tokens(each.text) <= 60 for each in chunks)
    parts = (each.text.removeprefix(HEADER) for each in chunks)
    assert squeezed("".join(parts)) == squeezed(row)


def test_a_header_as_long_as_a_chunk_is_a_row_like_others():
    header = " | ".join(f"column {number}" for number in range(100))
    chunks = chunks_of(table(ROWS[:5], header), size=60)
    assert squeezed("".join(each.text for each in chunks)) == squeezed(header + "".join(ROWS[:5]))


# --- pages and boxes --------------------------------------------------------------------------


def line_box(page, number):
    return Box(page, 0.1, number / 100, 0.9, (number + 1) / 100)


def test_a_chunk_does_not_go_on_over_a_page_break():
    chunks = chunks_of(text("One.", page=1), text("Two.", page=2), text("Three.", page=2))
    assert [(each.page, each.text) for each in chunks] == [(1, "One."), (2, "Two.\nThree.")]


def test_a_sentence_that_runs_over_a_page_break_is_finished_in_the_first_chunk():
    boxes = (line_box(2, 0), line_box(2, 1))
    first, second = chunks_of(
        text("The notice period that the parties agreed upon is three", page=1),
        text("months. It begins on\nthe first day.", page=2, boxes=boxes),
    )
    assert first.text == "The notice period that the parties agreed upon is three months."
    assert (first.page, first.boxes) == (1, boxes[:1])
    assert (second.page, second.text) == (2, "It begins on\nthe first day.")


def test_a_chinese_sentence_over_a_page_break_is_joined_without_a_space():
    half = "双方同意按照本合同附件所列条款履行各自的义务并承担相应的责任以及由此产生的一切费用和"
    first, second = chunks_of(text(half, page=1), text("损失。另行通知。", page=2))
    assert first.text == half + "损失。"
    assert second.text == "另行通知。"


def test_boxes_are_those_of_the_lines_in_the_chunk():
    lines = [f"{CHINESE}" for _ in range(20)]
    boxes = tuple(line_box(1, number) for number in range(20))
    chunks = chunks_of(text("\n".join(lines), page=1, boxes=boxes), size=100)
    assert len(chunks) > 2
    assert [box for each in chunks for box in each.boxes] == list(boxes)
    assert all(len(each.boxes) == each.text.count("\n") + 1 for each in chunks)


def test_table_rows_bring_their_own_boxes():
    boxes = tuple(line_box(1, number) for number in range(len(ROWS) + 1))
    chunks = chunks_of(table(ROWS, HEADER, page=1, boxes=boxes), size=100)
    assert [box for each in chunks for box in each.boxes] == list(boxes[1:])


def test_boxes_of_joined_lines_are_divided_by_their_width():
    boxes = tuple(line_box(1, number) for number in range(10))
    chunks = chunks_of(text(ENGLISH * 12, page=1, boxes=boxes), size=64)
    assert chunks[0].boxes[0] == boxes[0]
    assert chunks[-1].boxes[-1] == boxes[-1]
    assert all(len(each.boxes) < 10 for each in chunks)
    assert {box for each in chunks for box in each.boxes} == set(boxes)


def test_merged_blocks_bring_all_their_boxes_and_the_first_page():
    (only,) = chunks_of(
        text("a", page=3, boxes=(line_box(3, 0),)), text("b", page=3, boxes=(line_box(3, 1),))
    )
    assert (only.page, only.boxes) == (3, (line_box(3, 0), line_box(3, 1)))


def test_code_keeps_its_indentation():
    code = "def f():\n    return 1\n\n\ndef g():\n    return 2"
    (only,) = chunks_of(Block(BlockKind.CODE, code))
    assert only.text == code
