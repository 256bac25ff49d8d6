"""A found passage with its neighbours: each text once, under the same titles, within a size."""

from apps.rag.parents import Neighbour, with_parents
from apps.rag.ports import Passage
from apps.rag.prompt import AnswerMode, build
from apps.rag.tokens import estimate_tokens

SIZE = {"k": 60}


def passage(ordinal: int, title: str = "A", text: str = "") -> Passage:
    return Passage(
        chunk_id=str(ordinal),
        version_id="v",
        document_id="d",
        document_name="Lease",
        collection_id="k",
        text=text or f"Sentence number {ordinal} of this contract is here.",
        page=1,
        headings=(title,),
        ordinal=ordinal,
    )


def near(*passages: Passage) -> dict[str, list[Neighbour]]:
    rows = [Neighbour(one.chunk_id, one.ordinal, one.headings, one.text) for one in passages]
    return {one.chunk_id: rows for one in passages}


def test_neighbours_stand_in_their_order_within_the_size():
    row = [passage(n) for n in range(9)]
    (wide,) = with_parents([row[4]], near(*row), SIZE)
    assert row[4].text in wide.around
    assert estimate_tokens(wide.around) <= 60 + 5
    numbers = [int(line.split()[2]) for line in wide.around.split("\n")]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert len(numbers) > 2


def test_other_titles_end_it():
    row = [passage(0, "B"), passage(1), passage(2), passage(3, "C")]
    (wide,) = with_parents([row[1]], near(*row), SIZE)
    assert wide.around == f"{row[1].text}\n{row[2].text}"


def test_no_text_is_given_twice():
    row = [passage(n) for n in range(6)]
    wide = with_parents([row[2], row[3], row[5]], near(*row), {"k": 1000})
    given = "\n".join(one.around or one.text for one in wide)
    assert all(given.count(one.text) == 1 for one in row)


def test_what_overlaps_is_said_once():
    first = passage(0, text="Notice is given in writing. It takes effect at once.")
    second = passage(1, text="It takes effect at once. It cannot be withdrawn.")
    (wide,) = with_parents([first], near(first, second), SIZE)
    assert wide.around.count("It takes effect at once.") == 1
    assert "withdrawn" in wide.around


def test_without_a_size_nothing_changes():
    row = [passage(n) for n in range(3)]
    assert with_parents(row, near(*row), {}) == tuple(row)


def test_the_model_is_given_more_only_where_no_source_is_pushed_out():
    row = [
        passage(n, text=f"Part {n}: " + "the notice period is ninety days. " * 6) for n in range(6)
    ]
    wide = with_parents([row[0], row[5]], near(*row), {"k": 200})
    budgets = {}
    for budget in (600, 6000):
        built = build(
            "What is the notice period?", wide, [], mode=AnswerMode.CHAT, budget_tokens=budget
        )
        budgets[budget] = [source.text for source in built.sources]
    assert budgets[6000] == [one.around for one in wide]
    plain = build(
        "What is the notice period?",
        [row[0], row[5]],
        [],
        mode=AnswerMode.CHAT,
        budget_tokens=600,
    )
    assert len(budgets[600]) == len(plain.sources)
