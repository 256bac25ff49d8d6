"""How well files are read: each one in the process with limits that workers use, without a server.

python -m bench.parsing [--sets tika_docs,article_html,encodings,scans,tables] [--misses]
                        [--peers PYTHON]    other readers on the same files (bench/peers.py)

- ``tika_docs``: 101 files of 21 kinds; the share of the strings that Tika's own tests expect in them
  which are found, white space and the bars between cells aside. Some are names of pictures, headers
  or metadata, which are left out on purpose: compare with others, not with 1.
- ``article_html``: the F1 of 4-grams of words against the article as people marked it, by the rule
  of its authors. The headline is not part of their articles and is left out.
- ``scans``: pages made from known Chinese and English text as pictures in three qualities; the rate of
  wrong characters, white space aside, beside tesseract's, where that is installed.
- ``tables``: 96 tables of 35 public PDFs; TEDS against the cells that people marked (bench/tables.py).
- ``encodings``: Chinese paragraphs in eight encodings as text and as CSV; the share of characters.
"""

import argparse
import gzip
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from apps.core.errors import AppError
from apps.documents.arrival.sniff import media_type_of
from apps.engines.parsers.sandbox import Limits, SandboxParser
from apps.rag.ports import Block, BlockKind, ParseError
from bench.client import figure, note
from bench.data import folder
from bench.peers import peers
from bench.scans import fonts_missing, measure
from bench.tables import Table, best, marked, shown

SETS = ("tika_docs", "article_html", "encodings", "scans", "tables")
SECONDS = 30
MEMORY = 1024**3
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "gbk", "big5", "utf-16", "utf-16-be", "utf-32")
PARAGRAPHS = 200
_WORD = re.compile(r"\w+")
_GRAM = 4


class Reader:
    """Reads files as a worker does, and keeps what went wrong and how long it took."""

    def __init__(self, peers: Path | None = None) -> None:
        self.peers = peers
        self.parser = SandboxParser(Limits(seconds=SECONDS, memory_bytes=MEMORY, threads=2))
        self.seconds: list[float] = []
        self.codes: Counter[str] = Counter()

    def read(self, path: Path, name: str) -> list[Block]:
        started = time.perf_counter()
        try:
            return self.parser.parse(path, media_type=media_type_of(path, name))
        except (AppError, ParseError) as error:
            self.codes[str(error.code)] += 1
            return []
        finally:
            self.seconds.append(time.perf_counter() - started)

    def data(self, data: bytes, name: str) -> list[Block]:
        with tempfile.NamedTemporaryFile(prefix="bench-parsing-") as file:
            file.write(data)
            file.flush()
            return self.read(Path(file.name), name)


def main() -> None:
    parser = argparse.ArgumentParser(description="Reading files")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--misses", action="store_true", help="say what was not found")
    parser.add_argument("--peers", type=Path, help="a Python that has other readers")
    given = parser.parse_args()
    measures = {
        "tika_docs": tika_docs,
        "article_html": article_html,
        "encodings": encodings,
        "scans": scans,
        "tables": tables,
    }
    for name in given.sets.split(","):
        reader = Reader(given.peers)
        try:
            measures[name](reader, misses=given.misses)
        finally:
            reader.parser.close()
        codes = dict(sorted(reader.codes.items()))
        figure(
            "parsing",
            f"{name}_slowest_s",
            max(reader.seconds, default=0.0),
            files=len(reader.seconds),
        )
        figure("parsing", f"{name}_not_read", reader.codes.total(), codes=codes)


def tika_docs(reader: Reader, *, misses: bool) -> None:
    where = folder("tika_docs")
    expected = json.loads((where / "expect.json").read_text(encoding="utf-8"))
    found: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    others = peers(reader.peers, "markitdown", "kreuzberg", seconds=SECONDS)
    theirs: Counter[str] = Counter()
    for name, about in expected.items():
        text = _squeezed("\n".join(b.text for b in reader.read(where / "files" / name, name)))
        kind = name.rpartition(".")[2].lower()
        missing = [each for each in about["contains"] if _squeezed(each) not in text]
        wanted[kind] += len(about["contains"])
        found[kind] += len(about["contains"]) - len(missing)
        for peer in others:
            said = _squeezed(peer.text(where / "files" / name))
            theirs[peer.name] += sum(_squeezed(each) in said for each in about["contains"])
        if misses and missing:
            note(f"  {name}: {missing}")
    by_kind = {kind: f"{found[kind]}/{wanted[kind]}" for kind in sorted(wanted)}
    share = found.total() / wanted.total()
    figure("parsing", "tika_docs_strings_found", share, strings=wanted.total(), kinds=by_kind)
    for peer in others:
        share = theirs[peer.name] / wanted.total()
        details = {"version": peer.version, "not_read": peer.failed}
        figure("parsing", f"tika_docs_strings_found_{peer.name}", share, **details)


def article_html(reader: Reader, *, misses: bool) -> None:
    where = folder("article_html")
    truth = json.loads((where / "ground-truth.json").read_text(encoding="utf-8"))
    scores = []
    for name, about in truth.items():
        page = gzip.decompress((where / "html" / f"{name}.html.gz").read_bytes())
        score = _score(about["articleBody"], _body(reader.data(page, "page.html")))
        scores.append(score)
        if misses and min(score) < 0.7:
            note(f"  {about['url']}: precision {score[0]:.2f}, recall {score[1]:.2f}")
    precision, recall = (mean(side) for side in zip(*scores, strict=True))
    f1 = 2 * precision * recall / (precision + recall)
    details = {"precision": round(precision, 4), "recall": round(recall, 4), "pages": len(scores)}
    figure("parsing", "article_html_f1", f1, **details)


def encodings(reader: Reader, *, misses: bool) -> None:
    path = folder("cmrc2018") / "cmrc2018_dev.json"
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    texts = [p["context"] for article in articles for p in article["paragraphs"]][:PARAGRAPHS]
    plain = "\n\n".join(texts)
    rows = "编号,正文\r\n" + "\r\n".join(f'{n},"{text}"' for n, text in enumerate(texts))
    shares = []
    for encoding in ENCODINGS:
        for name, text in (("zh.txt", plain), ("zh.csv", rows)):
            data = text.encode(encoding, "ignore")  # Big5 has not all of them
            blocks = reader.data(data, name)
            share = _characters(data.decode(encoding), "".join(block.text for block in blocks))
            shares.append(share)
            if misses and share < 1:
                note(f"  {name} in {encoding}: {share:.5f}")
    figure("parsing", "encodings_characters", min(shares), files=len(shares), mean=mean(shares))


def scans(reader: Reader, *, misses: bool) -> None:
    if missing := fonts_missing():
        note(f"  scans are left out, without {missing}")
        return

    def text_of(data: bytes) -> str:
        return "\n".join(block.text for block in reader.data(data, "page.jpg"))

    measure(text_of, misses=misses)
    figure("parsing", "scans_seconds_a_page", mean(reader.seconds), pages=len(reader.seconds))


def tables(reader: Reader, *, misses: bool) -> None:
    where = folder("icdar2013_tables")
    scores: list[float] = []
    others = peers(reader.peers, "pdfplumber", seconds=SECONDS)
    theirs: dict[str, list[float]] = {peer.name: [] for peer in others}
    for path in sorted(where.glob("*-str.xml")):
        name = path.name.removesuffix("-str.xml")
        pdf = next(p for p in (where / f"{name}.pdf", where / f"{name[:-1]}a.pdf") if p.exists())
        got = shown(reader.read(pdf, pdf.name))
        found = _compared(marked(path), got)
        scores += found
        for peer in others:
            theirs[peer.name] += _compared(marked(path), peer.tables(pdf))
        if misses:
            note(f"  {name}: {[round(score, 2) for score in found]}")
    figure("parsing", "tables_teds", mean(scores), tables=len(scores))
    for peer in others:
        details = {"version": peer.version, "not_read": peer.failed}
        figure("parsing", f"tables_teds_{peer.name}", mean(theirs[peer.name]), **details)


def _compared(wanted: dict[int, list[Table]], got: dict[int, list[Table]]) -> list[float]:
    """The measure of each table, page by page."""
    return [score for page, some in wanted.items() for score in best(some, got.get(page, []))]


def _squeezed(text: str) -> str:
    return "".join(text.replace("|", " ").split())


def _characters(wanted: str, got: str) -> float:
    """The share of the characters that are there, but for those that rows are written with."""
    aside = str.maketrans("", "", '",| \r\n\t\ufeff')
    counts = Counter(wanted.translate(aside))
    missing = counts - Counter(got.translate(aside))
    return 1 - missing.total() / counts.total()


def _body(blocks: Sequence[Block]) -> str:
    return "\n".join(b.text for b in blocks if b.kind is not BlockKind.TITLE or b.level > 1)


def _score(wanted: str, got: str) -> tuple[float, float]:
    """Precision and recall of one page."""
    true, said = _grams(wanted), _grams(got)
    both = (true & said).total()
    return both / max(said.total(), 1), both / max(true.total(), 1)


def _grams(text: str) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text)
    starts = range(max(1, len(words) - _GRAM + 1))
    return Counter(tuple(words[at : at + _GRAM]) for at in starts if words)


if __name__ == "__main__":
    main()
