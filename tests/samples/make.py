"""Writes the samples beside this file: python -m tests.samples.make"""

import csv
import io
from pathlib import Path

import docx
import openpyxl
import pptx
from msoffcrypto.format.ooxml import OOXMLFile
from pptx.util import Inches
from reportlab.lib import pdfencrypt
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

FOLDER = Path(__file__).parent


def _pdf(name: str, *, encrypt: object = None) -> None:
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    canvas = Canvas(str(FOLDER / name), pagesize=A4, encrypt=encrypt, invariant=True)
    for page, draw in enumerate((_first, _second, _third), start=1):
        canvas.setFont("Helvetica", 8)
        canvas.drawString(60, 810, "Supply agreement - confidential")
        canvas.drawString(290, 30, f"Page {page} of 3")
        draw(canvas)
        canvas.showPage()
    canvas.save()


def _first(canvas: Canvas) -> None:
    canvas.setFont("Helvetica-Bold", 20)
    canvas.drawString(60, 760, "Supply agreement")
    canvas.setFont("Helvetica-Bold", 14)
    canvas.drawString(60, 720, "1. Termination")
    canvas.setFont("Helvetica", 10)
    for number, line in enumerate(
        (
            "Either party may end this agreement by giving ninety days of written notice. During",
            "the notice period both parties continue to perform their obligations in full and with-",
            "out delay, and invoices fall due as before.",
        )
    ):
        canvas.drawString(60, 700 - 13 * number, line)
    canvas.drawString(60, 640, "Notices are sent to the address of the other party.")


def _second(canvas: Canvas) -> None:
    canvas.setFont("Helvetica-Bold", 14)
    canvas.drawString(60, 760, "2. Prices")
    canvas.setFont("Helvetica", 10)
    rows = (("Product", "2025", "2026"), ("Cooling unit", "1,200", "1,260"), ("Pump", "310", "325"))
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            canvas.drawString(60 + 180 * column, 730 - 15 * number, text)


def _third(canvas: Canvas) -> None:
    canvas.setFont("STSong-Light", 16)
    canvas.drawString(60, 760, "第三条 付款")
    canvas.setFont("STSong-Light", 11)
    canvas.drawString(60, 730, "买方应在收到发票后六十日内付款，逾期付款的，每日按未付")
    canvas.drawString(60, 715, "金额的万分之五支付违约金。")


def _blank_pdf() -> None:
    canvas = Canvas(str(FOLDER / "scan.pdf"), pagesize=A4, invariant=True)
    canvas.rect(100, 100, 300, 500, fill=1)
    canvas.showPage()
    canvas.save()


def _docx() -> None:
    document = docx.Document()
    document.add_heading("采购管理办法", level=1)
    document.add_paragraph("本办法适用于公司各部门的采购活动。")
    document.add_heading("审批权限", level=2)
    document.add_paragraph("采购金额超过五十万元的，须经总经理审批。")
    document.add_paragraph("询价不得少于三家供应商", style="List Bullet")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "金额", "审批人"
    for row in (("十万元以下", "部门经理"), ("十万至五十万元", "副总经理")):
        cells = table.add_row().cells
        cells[0].text, cells[1].text = row
    document.add_heading("Delivery", level=2)
    document.add_paragraph("Goods are delivered within thirty days of the order.")
    document.save(str(FOLDER / "sample.docx"))


def _pptx() -> None:
    deck = pptx.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Maintenance plan"
    first.placeholders[1].text = "Pumps are inspected every six months"
    first.notes_slide.notes_text_frame.text = "Say that the spring inspection was moved to May"
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "年度预算"
    table = second.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(6), Inches(1)).table
    for row, texts in enumerate((("项目", "金额"), ("备件", "三十万元"))):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    deck.save(str(FOLDER / "sample.pptx"))


def _xlsx() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Suppliers"
    sheet.append(["Approved suppliers 2026"])
    sheet.append(["Supplier", "City", "Rating", "Since"])
    sheet.append(["Nordwind GmbH", "Hamburg", 4.5, None])
    sheet.append(["东海泵业", "宁波", 5, None])
    other = book.create_sheet("空调")
    other.append(["机房", "台数"])
    other.append(["一号", 12])
    book.save(FOLDER / "sample.xlsx")


def _texts() -> None:
    page = """<!doctype html><html><head><meta charset="utf-8"><title>Travel policy</title></head>
<body><nav>Home About</nav><h1>Travel policy</h1><p>Trains are preferred over flights below five
hours.</p><h2>Hotels</h2><p>At most 140 euros a night.</p><table><tr><th>City</th><th>Limit</th></tr>
<tr><td>Paris</td><td>180</td></tr></table><script>alert(1)</script></body></html>"""
    (FOLDER / "sample.html").write_text(page, encoding="utf-8")
    markdown = "# 值班手册\n\n## 告警\n\n一级告警须在十五分钟内响应。\n\n- 先确认\n- 再升级\n\n```sh\nsystemctl restart pump\n```\n"
    (FOLDER / "sample.md").write_text(markdown, encoding="utf-8")
    text = "The archive keeps invoices for ten years.\n\nContracts are kept for fifteen years.\n"
    (FOLDER / "sample.txt").write_text(text, encoding="utf-8")
    (FOLDER / "sample_gb18030.txt").write_bytes(
        "发票保存十年，合同保存十五年。\n".encode("gb18030")
    )
    out = io.StringIO()
    csv.writer(out).writerows([["part", "stock"], ["valve", "14"], ["seal, large", "230"]])
    (FOLDER / "sample.csv").write_text(out.getvalue(), encoding="utf-8")


def _encrypted_docx() -> None:
    with (FOLDER / "sample.docx").open("rb") as source:
        out = io.BytesIO()
        OOXMLFile(source).encrypt("secret", out)
    (FOLDER / "encrypted.docx").write_bytes(out.getvalue())


def main() -> None:
    """Write every sample."""
    _pdf("sample.pdf")
    _pdf("encrypted.pdf", encrypt=pdfencrypt.StandardEncryption("secret", "owner", strength=128))
    whole = (FOLDER / "sample.pdf").read_bytes()
    (FOLDER / "truncated.pdf").write_bytes(whole[: len(whole) // 5])
    _blank_pdf()
    _docx()
    _pptx()
    _xlsx()
    _texts()
    _encrypted_docx()
    whole = (FOLDER / "sample.docx").read_bytes()
    (FOLDER / "truncated.docx").write_bytes(whole[: len(whole) // 2])


if __name__ == "__main__":
    main()
