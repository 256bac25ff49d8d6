"""Files that are broken, hostile or not what they say: refused with a code, or read safely."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import User
from apps.core import blobs
from apps.core.errors import MESSAGES, AppError, ErrorCode
from apps.documents import ingest, queries, services
from apps.documents.arrival.names import clean_name, clean_path, numbered, suffix_of
from apps.documents.models import Chunk, IngestRun
from apps.engines import factory
from apps.engines.parsers.sandbox import Limits, SandboxParser
from apps.rag.ports import ParseError
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As, add, nothing_stored, searched
from tests.samples import sample

MIB = 1024 * 1024


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def bomb(megabytes: int) -> bytes:
    return zipped(
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", b"<w:document>" + b" " * megabytes * MIB),
    )


REFUSED = [
    ("empty.pdf", b"", ErrorCode.EMPTY, 422),
    ("program.exe", b"MZ\x90\x00" + bytes(200), ErrorCode.UNSUPPORTED, 415),
    ("program.txt", b"MZ\x90\x00\x03" + bytes(200), ErrorCode.UNSUPPORTED, 415),
    ("picture.gif", b"GIF89a" + bytes(100), ErrorCode.UNSUPPORTED, 415),
    ("data.json", b"\x89PNG" + bytes(200), ErrorCode.UNSUPPORTED, 415),
    ("key.pem", b"-----BEGIN PRIVATE KEY-----", ErrorCode.UNSUPPORTED, 415),
    ("archive.zip", zipped(("a.txt", b"a")), ErrorCode.UNSUPPORTED, 415),
    ("slip.zip", zipped(("../../../../tmp/evil.txt", b"x")), ErrorCode.UNSUPPORTED, 415),
    ("liar.pdf", b"<html><script>alert(1)</script>", ErrorCode.UNREADABLE, 422),
    ("noise.docx", bytes(range(256)) * 400, ErrorCode.UNREADABLE, 422),
    ("truncated.docx", sample("truncated.docx"), ErrorCode.UNREADABLE, 422),
    ("encrypted.docx", sample("encrypted.docx"), ErrorCode.ENCRYPTED, 422),
    ("bomb.docx", bomb(200), ErrorCode.TOO_COSTLY, 422),
    ("bomb.xlsx", bomb(20), ErrorCode.TOO_COSTLY, 422),
]


@pytest.mark.parametrize(
    ("name", "data", "code", "status"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_a_file_that_cannot_be_read_is_refused_where_the_person_is_looking(
    as_: As, alice: User, collection: Collection, name: str, data: bytes, code: str, status: int
) -> None:
    with as_(alice), pytest.raises(AppError) as caught:
        add(collection, data, name)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert caught.value.code in MESSAGES
    assert nothing_stored()


@pytest.mark.parametrize(
    ("name", "code"),
    [("encrypted.pdf", "ENCRYPTED"), ("truncated.pdf", "UNREADABLE"), ("scan.pdf", "NO_TEXT")],
)
def test_a_pdf_that_cannot_be_read_fails_its_run_with_a_code(
    inline_jobs: None, as_: As, alice: User, collection: Collection, name: str, code: str
) -> None:
    with as_(alice):
        document = add(collection, sample(name), name).document
        run = IngestRun.objects.get()
        assert (run.state, run.error_code) == (IngestRun.State.FAILED, code)
        assert queries.state_of(document) == "failed"
        assert not Chunk.objects.exists()


def test_a_pdf_named_docx_is_read_as_the_pdf_it_is(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        added = add(collection, sample("sample.pdf"), "contract.docx")
        assert added.version.media_type == "application/pdf"
        assert "ninety days" in searched("ninety days", collection)


def test_more_bytes_than_allowed_are_refused_while_they_arrive(
    as_: As, alice: User, collection: Collection, settings: Any
) -> None:
    settings.UPLOAD_MAX_BYTES = 3 * MIB
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += MIB
            yield b"x" * MIB

    with as_(alice), pytest.raises(AppError) as caught:
        services.add_version(collection=collection, file=endless(), name="big.txt")
    assert (caught.value.code, caught.value.status) == (ErrorCode.TOO_LARGE, 413)
    assert caught.value.details["limit_mb"] == 3
    assert sent == 4 * MIB
    assert nothing_stored()


def test_a_zip_that_lies_about_its_sizes_is_found_out_by_reading(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    honest = bomb(200)
    lie = honest.replace((12 + 200 * MIB).to_bytes(4, "little"), (5000).to_bytes(4, "little"))
    assert lie != honest
    with as_(alice):
        add(collection, lie, "liar.docx")
        run = IngestRun.objects.get()
        assert run.state == IngestRun.State.FAILED
        assert run.error_code in {"TOO_COSTLY", "UNREADABLE"}


def test_a_billion_laughs_in_an_office_file_are_not_laughed(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    levels = "".join(
        f'<!ENTITY {chr(98 + i)} "{("&" + chr(97 + i) + ";") * 10}">' for i in range(9)
    )
    evil = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY x SYSTEM "file:///etc/passwd">{levels}]>'
    with zipfile.ZipFile(io.BytesIO(sample("sample.docx"))) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    body = dict(members)["word/document.xml"].decode()
    start = body.index("<w:document")
    hacked = evil + body[start:].replace("本办法适用于", "&j;&x;本办法适用于", 1)
    data = zipped(*[(n, hacked.encode() if n == "word/document.xml" else d) for n, d in members])
    with as_(alice):
        add(collection, data, "laughs.docx")
        run = IngestRun.objects.get()
        texts = "".join(Chunk.objects.values_list("text", flat=True))
    assert run.state in {IngestRun.State.DONE, IngestRun.State.FAILED}
    assert "root:" not in texts
    assert len(texts) < 100_000


def test_an_html_page_cannot_read_files_or_bring_scripts(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    page = b"""<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body>
    <p>Opening hours &x; are nine to five.</p><script>steal()</script>
    <img src="http://127.0.0.1/pixel"></body></html>"""
    with as_(alice):
        add(collection, page, "hours.html")
        text = Chunk.objects.get().text
    assert "nine to five" in text
    assert "root:" not in text
    assert "steal" not in text


def test_five_megabytes_on_one_line_are_read(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    line = ("甲方应在九十日内付款，" * 6000)[: MIB // 16]
    with as_(alice):
        added = add(collection, line.encode(), "line.txt")
        assert queries.state_of(added.document) == "ready"
        chunks = Chunk.objects.filter(version=added.version)
        assert sum(len(chunk.text) for chunk in chunks) == len(line)


@pytest.mark.slow
def test_five_million_characters_on_one_line_are_parsed_and_cut(
    as_: As, alice: User, collection: Collection, system: object, sent_jobs: object
) -> None:
    with as_(alice):
        added = add(collection, ("长" * 5_000_000).encode(), "line.txt")
    ingest.parse(added.run.pk)
    added.version.refresh_from_db()
    assert added.version.chunk_count > 5_000
    assert IngestRun.objects.get().stage == IngestRun.Stage.EMBED


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../x", "x"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("/etc/passwd", "passwd"),
        ("a\x00b\r\n.pdf", "ab .pdf"),
        ("..", "document"),
        ("", "document"),
        ("folder/", "document"),
        ("\u202efdp.exe", "fdp.exe"),
        ("合同.pdf", "合同.pdf"),
        ("bad\ud800.txt", "bad.txt"),
        ('<script>alert("1")<b>.txt', '<script>alert("1")<b>.txt'),
        ("长" * 300 + ".pdf", "长" * 83 + ".pdf"),
    ],
)
def test_names_lose_what_hurts_and_keep_what_is_text(given: str, kept: str) -> None:
    assert clean_name(given) == kept
    assert len(kept.encode()) <= 255


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("folder/sub/a.pdf", "folder/sub/a.pdf"),
        ("../../x/./a.pdf", "x/a.pdf"),
        ("..\\windows\\win.ini", "windows/win.ini"),
        ("/etc/passwd", "etc/passwd"),
        ("../..", "document"),
        ("合同/2026 \u202e年/a\x00.pdf", "合同/2026 年/a.pdf"),
        ("long/" * 100 + "a.pdf", "long/" * 50 + "a.pdf"),
        ("v1.2/readme", "v1.2/readme"),
    ],
)
def test_folders_in_names_are_text_and_lead_nowhere(given: str, kept: str) -> None:
    assert clean_path(given) == kept
    assert len(kept.encode()) <= 255


def test_the_suffix_and_the_number_of_a_name_are_those_of_its_last_part() -> None:
    assert [suffix_of(name) for name in ("v1.2/readme", "a/b.PDF", "a/.env")] == ["", "pdf", ""]
    assert numbered("v1.2/readme", {"v1.2/readme"}) == "v1.2/readme (2)"
    assert numbered("a/b.pdf", {"a/b.pdf"}) == "a/b (2).pdf"


def test_a_name_with_a_tag_is_stored_as_the_text_it_is(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    with as_(alice):
        added = add(collection, b"hello world", "<img src=x onerror=alert(1)>.txt")
        assert added.document.name == "<img src=x onerror=alert(1)>.txt"
        assert queries.state_of(added.document) == "ready"


def test_a_text_with_controls_and_nul_is_stored_without_them(
    inline_jobs: None, as_: As, alice: User, collection: Collection
) -> None:
    data = ("\x07notice\u200b period\x1b[0m ninety days " + "plain words " * 40).encode()
    with as_(alice):
        add(collection, data, "controls.txt")
        text = Chunk.objects.get().text
    assert text.startswith("notice period[0m ninety days")


def test_a_file_that_vanished_says_so(
    as_: As, alice: User, collection: Collection, system: object
) -> None:
    with as_(alice):
        added = add(collection)
    blobs.remove(added.version.sha256)
    ingest.parse(added.run.pk)
    assert IngestRun.objects.get().error_code == "FILE_MISSING"


# --- the reading process --------------------------------------------------------------------------
def limited(*, seconds: float = 60, memory_bytes: int = 2048 * MIB) -> SandboxParser:
    return SandboxParser(Limits(seconds=seconds, memory_bytes=memory_bytes))


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "slow"
    path.write_text("<p>x</p>" * 400_000)
    parser = limited(seconds=1)
    with pytest.raises(ParseError, match="more than 1 s") as caught:
        parser.parse(path, media_type="text/html")
    assert caught.value.code == "TOO_COSTLY"
    parser.close()


def test_a_file_that_takes_too_much_memory_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "fat"
    path.write_text("<p>some text</p>" * 1_000_000)
    parser = limited(memory_bytes=200 * MIB)
    with pytest.raises(ParseError, match="more than 200 MiB") as caught:
        parser.parse(path, media_type="text/html")
    assert caught.value.code == "TOO_COSTLY"
    parser.close()


def test_one_killed_file_does_not_harm_the_next(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("fine")
    parser = limited()
    assert parser.parse(path, media_type="text/plain")[0].text == "fine"
    assert parser._child is not None
    parser._child._process.kill()
    parser._child._process.wait()
    assert parser.parse(path, media_type="text/plain")[0].text == "fine"
    parser.close()


def test_stopping_a_read_leaves_no_process(tmp_path: Path) -> None:
    path = tmp_path / "slow"
    path.write_text("<p>x</p>" * 400_000)
    parser = limited()

    class Stop(Exception):
        pass

    def beat() -> None:
        raise Stop

    with pytest.raises(Stop):
        parser.parse(path, media_type="text/html", beat=beat)
    assert parser._child is not None
    assert not parser._child.is_usable()


def test_the_engines_keep_one_reader_over_resets() -> None:
    parser = factory.parser()
    factory.reset()
    assert factory.parser() is parser
