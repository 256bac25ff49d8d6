"""Every format, from its upload to a search that finds it."""

import re

import pytest

from apps.accounts.models import User
from apps.documents.models import Chunk
from apps.engines.media_types import SUFFIXES, Container, MediaType
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As, add, searched
from tests.apps.engines.test_mail import mail
from tests.apps.engines.test_open_formats import book, odf, rtf
from tests.samples.ole2 import doc, ppt

WORDS = "阀门每六个月检修一次"
PARAGRAPH = f"<text:p>{WORDS}</text:p>"
FRAME = (
    f"<draw:page><draw:frame><draw:text-box>{PARAGRAPH}</draw:text-box></draw:frame></draw:page>"
)
TABLE = (
    '<table:table table:name="S"><table:table-row>'
    f"<table:table-cell>{PARAGRAPH}</table:table-cell></table:table-row></table:table>"
)
FILES = [
    ("a.tsv", f"事项\t说明\n阀门\t{WORDS}\n".encode("gb18030")),
    ("a.json", f'{{"规程": {{"说明": "{WORDS}"}}}}'.encode()),
    ("a.jsonl", f'{{"n": 1, "x": "{WORDS}"}}\n{{"n": 2, "x": "y"}}'.encode()),
    ("a.yaml", f"规程:\n  说明: {WORDS}\n".encode()),
    ("a.xml", f"<a><b><c>{WORDS}</c></b></a>".encode()),
    ("a.srt", f"1\n00:00:01,000 --> 00:00:02,000\n{WORDS}\n".encode()),
    ("a.vtt", f"WEBVTT\n\n00:01.000 --> 00:02.000\n{WORDS}\n".encode()),
    ("a.odt", odf("text", PARAGRAPH, kind_of_file=MediaType.ODT)),
    ("a.ods", odf("spreadsheet", TABLE, kind_of_file=MediaType.ODS)),
    ("a.odp", odf("presentation", FRAME, kind_of_file=MediaType.ODP)),
    ("a.rtf", rtf("".join(rf"\u{ord(char)}?" for char in WORDS) + r"\par")),
    ("a.epub", book(f"<p>{WORDS}</p>")),
    ("a.eml", bytes(mail(text=WORDS))),
    ("a.mbox", b"From ann Fri May  1 08:00:00 2026\n" + bytes(mail(text=WORDS))),
    ("a.doc", doc([(f"{WORDS}\r", b"\x00\x00")])),
    ("a.ppt", ppt(("检修", WORDS))),
]


@pytest.mark.parametrize(("name", "data"), FILES, ids=[name for name, _ in FILES])
def test_each_format_is_found_after_its_upload(
    inline_jobs: None, as_: As, alice: User, collection: Collection, name: str, data: bytes
) -> None:
    with as_(alice):
        added = add(collection, data, name)
        assert added.version.media_type == SUFFIXES[name.partition(".")[2]]
        assert WORDS in searched("阀门检修", collection)
        assert Chunk.objects.filter(version=added.version, text__contains=WORDS).exists()


def test_every_suffix_means_one_type_and_every_type_has_a_reader() -> None:
    suffixes = [suffix for media_type in MediaType for suffix in media_type.suffixes]
    assert len(suffixes) == len(set(suffixes)) == len(SUFFIXES) - 1
    for media_type in MediaType:
        assert re.fullmatch(r"([a-z]+\.)?[a-z0-9_]+\.[A-Z]\w+", media_type.reader)
        assert media_type.container in Container
