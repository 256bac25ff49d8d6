"""OFD: placed text in reading order with pages and boxes; hostile ones refused with a code."""

from pathlib import Path

import pytest

from apps.documents.arrival.sniff import media_type_of
from apps.engines.media_types import MediaType
from apps.rag.ports import ParseError
from tests.apps.engines.conftest import Read
from tests.apps.engines.test_open_formats import zipped

NS = 'xmlns:ofd="http://www.ofdspec.org/2016"'
ROOT = (
    f"<ofd:OFD {NS}><ofd:DocBody><ofd:DocInfo/><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>"
    "</ofd:DocBody></ofd:OFD>"
)


def text(
    words: str, x: float, y: float, *, size: float = 4.0, width: float = 0.0, **more: str
) -> str:
    said = "".join(f' {name}="{value}"' for name, value in more.items())
    box = f"{x} {y} {width or size * len(words)} {size * 1.2}"
    return (
        f'<ofd:TextObject Boundary="{box}" Size="{size}"{said}>'
        f'<ofd:TextCode X="0" Y="{size}">{words}</ofd:TextCode></ofd:TextObject>'
    )


def page(*objects: str, area: str = "", uses: str = "") -> str:
    return (
        f"<ofd:Page {NS}>{area}{uses}<ofd:Content><ofd:Layer><ofd:PageBlock>{''.join(objects)}"
        "</ofd:PageBlock></ofd:Layer></ofd:Content></ofd:Page>"
    )


def ofd(*pages: str, template: str = "", **parts: str) -> bytes:
    listed = "".join(
        f'<ofd:Page ID="{n}" BaseLoc="Pages/Page_{n}/Content.xml"/>' for n in range(len(pages))
    )
    document = (
        f"<ofd:Document {NS}><ofd:CommonData><ofd:PageArea><ofd:PhysicalBox>0 0 200 100"
        '</ofd:PhysicalBox></ofd:PageArea><ofd:TemplatePage ID="7" BaseLoc="/Doc_0/Tpls/T.xml"/>'
        f"</ofd:CommonData><ofd:Pages>{listed}</ofd:Pages></ofd:Document>"
    )
    whole = {"OFD.xml": ROOT, "Doc_0/Document.xml": document, "Doc_0/Tpls/T.xml": template}
    whole |= {f"Doc_0/Pages/Page_{n}/Content.xml": one for n, one in enumerate(pages)}
    return zipped(**{name: data for name, data in (whole | parts).items() if data})


def test_text_is_read_in_its_order_with_pages_and_boxes(read: Read) -> None:
    first = page(text("巡检周期为九十天。", 20, 60), text("泵站巡检办法", 20, 20))
    second = page(text("The valve is inspected in June.", 10, 50, size=2))
    blocks = read(ofd(first, second), MediaType.OFD)
    assert [(block.text, block.page) for block in blocks] == [
        ("泵站巡检办法", 1),
        ("巡检周期为九十天。", 1),
        ("The valve is inspected in June.", 2),
    ]
    (box,) = blocks[1].boxes
    assert (box.page, box.x0, box.y0) == (1, 0.1, 0.6)
    assert (box.x1, box.y1) == (0.28, 0.648)


def test_a_form_is_read_with_its_labels_and_in_its_own_size(read: Read) -> None:
    template = page(text("发票号码：", 10, 10), text("合计", 10, 30))
    area = "<ofd:Area><ofd:PhysicalBox>0 0 400 200</ofd:PhysicalBox></ofd:Area>"
    filled = page(
        text("￥1,250.00", 40, 30.4, width=30),
        text("24312000000012345678", 30, 10, width=70),
        area=area,
        uses='<ofd:Template TemplateID="7"/>',
    )
    blocks = read(ofd(filled, template=template), MediaType.OFD)
    words = "\n".join(block.text for block in blocks)
    assert "发票号码：24312000000012345678" in words.replace(" ", "")
    assert words.index("发票号码") < words.index("合计") < words.index("1,250.00")
    assert min(box.y0 for block in blocks for box in block.boxes) == 0.05


def test_type_that_a_matrix_makes_larger_stands_out(read: Read) -> None:
    body = [
        text(f"第{n}台泵的巡检周期为九十天，由工程部负责并记录在案。", 10, 40 + 6 * n)
        for n in range(6)
    ]
    title = text("年度报告", 60, 10, size=4, width=40, CTM="2.5 0 0 2.5 0 0")
    blocks = read(ofd(page(title, *body)), MediaType.OFD)
    assert (blocks[0].text, str(blocks[0].kind), blocks[0].level > 0) == ("年度报告", "title", True)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (ofd(page()), "NO_TEXT"),
        (ofd(page(text("x", 1, 1)), **{"Encryptions.xml": "<e/>"}), "ENCRYPTED"),
        (zipped(**{"OFD.xml": "<x/>"}), "UNREADABLE"),
        (zipped(**{"OFD.xml": ROOT}), "UNREADABLE"),
        (zipped(**{"OFD.xml": ROOT.replace("Doc_0/", "../../../etc/passwd#")}), "UNREADABLE"),
        (zipped(**{"OFD.xml": "no XML"}), "UNREADABLE"),
        (ofd("<x"), "UNREADABLE"),
        (ofd(page(text("x", 1, 1).replace("1.0 ", "nan "))), ""),
    ],
)
def test_what_is_no_right_ofd_is_refused_with_a_code(read: Read, data: bytes, code: str) -> None:
    if not code:
        assert read(data, MediaType.OFD)[0].text == "x"
        return
    with pytest.raises(ParseError) as refused:
        read(data, MediaType.OFD)
    assert refused.value.code == code


def test_entities_and_other_files_are_not_resolved(read: Read) -> None:
    evil = page(text("here &x;", 1, 1)).replace(
        "<ofd:Page", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><ofd:Page', 1
    )
    blocks = read(ofd(evil), MediaType.OFD)
    assert [block.text for block in blocks] == ["here"]


def test_it_is_told_by_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(ofd(page(text("x", 1, 1))))
    assert media_type_of(path, "invoice.ofd") is MediaType.OFD
    assert media_type_of(path, "invoice.zip") is MediaType.OFD
