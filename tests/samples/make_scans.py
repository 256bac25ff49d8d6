"""Writes the scans beside this file: python -m tests.samples.make_scans

Wants a Chinese font (fonts-wqy-zenhei) and DejaVu; the tests want only what this wrote.
"""

import io
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

FOLDER = Path(__file__).parent
FONT = "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"
LATIN = "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf"
NOTICE = (
    "设备租赁合同",
    "第一条 租赁期限为三年，自二〇二四年三月一日起算。",
    "第二条 承租人应当在每月五日之前支付租金人民币八千六百元。",
    "逾期支付的，每日按照欠付金额的万分之四支付违约金。",
    "The lessee keeps the machine insured against fire and theft.",
    "Repairs above 1,250 euros are paid for by the lessor.",
)
LEFT = (
    "The pump station on the",
    "north bank was rebuilt in",
    "the spring after the flood",
    "and runs without a crew.",
    "Its gates close by them-",
    "selves at four metres.",
)
RIGHT = (
    "Inspectors visit the site",
    "twice a year, in April and",
    "in October, and write down",
    "what they find in a book",
    "that is kept in the town",
    "hall for thirty years.",
)


def page(size: tuple[int, int] = (1000, 1414)) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    made = Image.new("L", size, 252)
    return made, ImageDraw.Draw(made)


def scanned(made: Image.Image, *, slope: float, noise: float = 6.0) -> Image.Image:
    """As from a scanner: not quite straight, a little soft, with grain."""
    turned = made.rotate(slope, fillcolor=252, resample=Image.Resampling.BICUBIC)
    pixels = np.asarray(turned.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32)
    grain = np.random.default_rng(7).normal(0, noise, pixels.shape)
    return Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))


def notice(font: str = FONT) -> Image.Image:
    made, draw = page()
    for number, line in enumerate(NOTICE):
        size = 44 if number == 0 else 27
        draw.text((110, 130 + 62 * number), line, font=ImageFont.truetype(font, size), fill=25)
    return made


def columns() -> Image.Image:
    made, draw = page()
    font = ImageFont.truetype(LATIN, 26)
    draw.text((110, 120), "Report on the river", font=ImageFont.truetype(LATIN, 42), fill=25)
    for x, lines in ((110, LEFT), (560, RIGHT)):
        for number, line in enumerate(lines):
            draw.text((x, 240 + 44 * number), line, font=font, fill=25)
    return made


def bilevel(made: Image.Image) -> Image.Image:
    """Black and white, as fax machines and many scanners make it."""
    return made.point(lambda value: 255 * (value > 140)).convert("1")


def jpeg(made: Image.Image, quality: int = 42) -> io.BytesIO:
    out = io.BytesIO()
    made.save(out, "JPEG", quality=quality)
    out.seek(0)
    return out


def mixed() -> None:
    """Text; a crooked scan in two languages; a scan on its side; two columns; text whose codes are
    not its letters over a picture of what it says."""
    canvas = Canvas(str(FOLDER / "scan_mixed.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 11)
    for number in range(6):
        canvas.drawString(60, 760 - 20 * number, f"Paragraph {number} of the cover letter is text.")
    canvas.showPage()
    lying = scanned(notice(), slope=0.0).transpose(Image.Transpose.ROTATE_90)
    pictures = [scanned(notice(), slope=1.2), lying, scanned(columns(), slope=-0.8)]
    for picture in pictures:
        canvas.drawImage(ImageReader(jpeg(picture)), 0, 0, *A4)
        canvas.showPage()
    canvas.drawImage(ImageReader(jpeg(scanned(columns(), slope=0))), 0, 0, *A4)
    words = canvas.beginText(60, 700)
    words.setTextRenderMode(3)
    rng = random.Random(3)
    for _ in range(12):
        words.textLine("".join(rng.choice("BCDFGHJKLMNPQRSTVWXZ ") for _ in range(40)))
    canvas.drawText(words)
    canvas.showPage()
    canvas.save()


def half() -> None:
    """A page of text and a scan."""
    canvas = Canvas(str(FOLDER / "scan_half.pdf"), pagesize=A4, invariant=True)
    canvas.drawString(60, 760, "This letter goes with the lease that was signed in March.")
    canvas.showPage()
    canvas.drawImage(ImageReader(jpeg(scanned(notice(), slope=0.7))), 0, 0, *A4)
    canvas.showPage()
    canvas.save()


def scan_only() -> None:
    """Two pages, of which neither has text."""
    canvas = Canvas(str(FOLDER / "scan_pages.pdf"), pagesize=A4, invariant=True)
    for made in (notice(), columns()):
        canvas.drawImage(ImageReader(jpeg(scanned(made, slope=0.5), quality=30)), 0, 0, *A4)
        canvas.showPage()
    canvas.save()


def pictures() -> None:
    bilevel(notice()).save(FOLDER / "scan_letter.png", optimize=True)
    sideways = notice().transpose(Image.Transpose.ROTATE_90)  # EXIF 6: turn it clockwise
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.save(FOLDER / "scan_phone.jpg", quality=45, exif=exif)
    pages = [bilevel(notice()), bilevel(columns())]
    pages[0].save(
        FOLDER / "scan_two.tiff", save_all=True, append_images=pages[1:], compression="group4"
    )


if __name__ == "__main__":
    mixed()
    half()
    scan_only()
    pictures()
