"""Pictures of text (PNG, JPEG, TIFF with its pages, BMP, WebP) through recognition (OCR)."""

from itertools import islice
from pathlib import Path

from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from apps.engines.media_types import MediaType
from apps.engines.parsers.child_terms import terms
from apps.engines.parsers.ocr.pages import fitted, recognised, shown
from apps.engines.parsers.pdf.pdf_layout import blocks_of
from apps.rag.ports import Block, ParseError

# A sheet of A3 at 600 dots an inch has 70 million. A file of a few bytes may unfold to billions.
MOST_PIXELS = 100_000_000
# Small type in small pictures reads better when they are made larger.
_SMALL = 1000
_FORMATS = {
    MediaType.PNG: "PNG",
    MediaType.JPEG: "JPEG",
    MediaType.TIFF: "TIFF",
    MediaType.BMP: "BMP",
    MediaType.WEBP: "WEBP",
}


class ImageParser:
    """See ``apps.rag.ports.Parser``."""

    def warm(self, media_type: str) -> None:
        """Importing this module was all."""

    def parse(self, path: Path, *, media_type: str) -> list[Block]:
        if not terms.may_recognise:
            raise ParseError("OCR_OFF")
        try:
            with Image.open(path, formats=[_FORMATS[MediaType(media_type)]]) as picture:
                return picture_blocks(picture)
        except (UnidentifiedImageError, SyntaxError, ValueError, EOFError) as error:
            raise ParseError("UNREADABLE", str(error)) from error
        except Image.DecompressionBombError as error:
            raise ParseError("TOO_COSTLY", str(error)) from error


def picture_blocks(picture: Image.Image) -> list[Block]:
    """The text of an open picture. Raises ParseError TOO_COSTLY."""
    # Only TIFF has pages; of a film the first picture is read.
    count = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
    if count > terms.most_pages:
        raise ParseError("TOO_COSTLY", f"{count} pages to recognise")
    pages, frames = [], {}
    for number, page in enumerate(islice(ImageSequence.Iterator(picture), count), start=1):
        terms.tell(number - 1, count)
        found = recognised(_upright(page), number)
        pages.append(found.lines)
        frames[number] = found.frame
    terms.tell(count, count)
    return shown(blocks_of(pages), frames)


def _upright(page: Image.Image) -> Image.Image:
    """The page as viewers show it, in the size in which it is read."""
    if page.width * page.height > MOST_PIXELS:
        raise ParseError("TOO_COSTLY", f"{page.width} x {page.height} pixels")
    wanted = _size(page)
    page.draft("RGB", wanted)  # a JPEG need not be unfolded whole
    plain = ImageOps.exif_transpose(_on_white(page))
    return plain.resize(_size(plain), Image.Resampling.LANCZOS) if plain.size != wanted else plain


def _size(page: Image.Image) -> tuple[int, int]:
    scale = fitted(page.width, page.height)
    if scale > 1:
        scale = 2.0 if max(page.size) < _SMALL else 1.0
    return max(1, round(page.width * scale)), max(1, round(page.height * scale))


def _on_white(page: Image.Image) -> Image.Image:
    """Without transparency: black text on nothing would be black on black."""
    if page.mode in {"1", "L", "RGB"}:
        return page.convert("RGB")
    layers = page.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")
