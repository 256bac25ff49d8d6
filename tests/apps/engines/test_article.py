"""Web pages: the article without what stands around it; other pages whole."""

from apps.engines.media_types import MediaType
from apps.rag.ports import BlockKind
from tests.apps.engines.conftest import Read

PARAGRAPHS = [
    f"In year {year}, the works council and the board agreed on a rule for the maintenance of pumps, "
    f"which says that each of them is opened, cleaned and closed within {year - 2000} hours of work."
    for year in range(2019, 2027)
]
TEASERS = "".join(
    f"<div class=teaser><a href=/n{n}>Also of interest: story number {n} of today</a></div>"
    for n in range(40)
)


def page(body: str, head: str = "") -> bytes:
    return f"<html><head><title>Pumps</title>{head}</head><body>{body}</body></html>".encode()


def test_the_article_keeps_headings_and_tables_and_loses_what_is_around_it(read: Read) -> None:
    table = "<table><tr><th>pump</th><th>hours</th></tr><tr><td>P1</td><td>19</td></tr></table>"
    text = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
    body = (
        f"<div class=sidebar>{TEASERS}</div><div class=content><h1>Rules for pumps</h1>{text}"
        f"<h2>Hours</h2>{table}<p>{PARAGRAPHS[0]} Until further notice.</p></div>"
        f"<div class=related><h3>Related</h3>{TEASERS}</div>"
    )
    blocks = read(page(body), MediaType.HTML)
    texts = [block.text for block in blocks]
    assert [text for text in texts if "rule" in text][: len(PARAGRAPHS)] == PARAGRAPHS
    assert [b.text for b in blocks if b.kind is BlockKind.TITLE] == ["Rules for pumps", "Hours"]
    assert "pump | hours\nP1 | 19" in texts
    assert not [text for text in texts if "Also of interest" in text]


def test_a_page_of_data_is_read_whole(read: Read) -> None:
    rows = "".join(f"<tr><td>Part {n}</td><td>{n * 7} pieces</td></tr>" for n in range(200))
    blocks = read(page(f"<h1>Stock</h1><table>{rows}</table><p>As of May.</p>"), MediaType.HTML)
    text = "\n".join(block.text for block in blocks)
    assert "Part 199 | 1393 pieces" in text
    assert "As of May." in text


def test_a_list_of_short_entries_is_read_whole(read: Read) -> None:
    entries = "".join(f"<h2>Rule {n}</h2><ul><li>Close valve {n}.</li></ul>" for n in range(80))
    blocks = read(page(entries), MediaType.HTML)
    assert len([block for block in blocks if block.kind is BlockKind.LIST_ITEM]) == 80
