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


def test_a_chinese_article_keeps_its_lists_and_tables(read: Read) -> None:
    menu = "".join(f"<li><a href=/n{n}>相关新闻第{n}条：今日要闻</a></li>" for n in range(40))
    sections = "".join(
        f"<h2>第{n}节</h2><p>第{n}台水泵由检修组负责，每运行{n}百小时停机检查一次，发现漏水、异响或者温度"
        f"过高的，应当在{n}小时以内上报值班长，并且在设备台账中写明时间、原因和处理结果。</p>"
        for n in range(1, 13)
    )
    extra = "<ul><li>先停泵</li><li>再关阀</li></ul><table><tr><th>项目</th><th>金额</th></tr><tr><td>阀门</td><td>14</td></tr></table>"
    body = (
        f"<div class=nav><ul>{menu}</ul></div><div id=content><h1>检修办法</h1>{sections}{extra}"
        f"<p>本办法自公布之日起施行，由设备管理部门负责解释，原有规定与本办法不一致的，以本办法为准。</p></div>"
        f"<div class=footer><ul>{menu}</ul></div>"
    )
    blocks = read(page(body), MediaType.HTML)
    texts = [block.text for block in blocks]
    assert [block.text for block in blocks if block.kind is BlockKind.TITLE][1:] == [
        f"第{n}节" for n in range(1, 13)
    ]
    assert sum("台水泵" in text for text in texts) == 12
    assert "先停泵" in texts
    assert "项目 | 金额\n阀门 | 14" in texts
    assert not any("相关新闻" in text for text in texts)
