"""Every format that is read, brought in through the page and found again by a search."""

import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.apps.documents.test_formats import FILES, WORDS
from tests.e2e.conftest import READY_MS, Site, add
from tests.e2e.installation import ROOT

pytestmark = pytest.mark.e2e

SAMPLES = ROOT / "tests" / "samples"
OTHERS = {
    ".docx",
    ".pptx",
    ".xlsx",
    ".csv",
    ".html",
    ".md",
    ".txt",
    ".pdf",
    ".png",
    ".jpg",
    ".tiff",
}
# To be refused: they have tests of their own.
WRONG = {"encrypted.docx", "encrypted.pdf", "truncated.docx", "truncated.pdf", "scan.pdf"}


def brought(folder: Path) -> list[Path]:
    folder.mkdir()
    for name, data in FILES:
        (folder / f"{name.partition('.')[2]} {name}").write_bytes(data)
    for path in sorted(SAMPLES.iterdir()):
        if path.suffix in OTHERS and path.name not in WRONG:
            (folder / path.name).write_bytes(path.read_bytes())
    return sorted(folder.iterdir())


def test_every_format_becomes_searchable_through_the_page(
    site: Site, admin: Page, library: str, tmp_path: Path
) -> None:
    files = brought(tmp_path / "all")
    admin.goto("/w/new")
    admin.fill("main input[name=name]", "Formats")
    admin.click("main button.primary")
    admin.wait_for_url("**/k/**")
    add(admin, *files)
    settled = "tr[data-state=ready], tr[data-state=failed]"
    admin.wait_for_function(
        "([rows, n]) => document.querySelectorAll(rows).length >= n",
        arg=[settled, len(files)],
        timeout=3 * READY_MS,
    )
    failed = admin.locator("tr[data-state=failed]").all_inner_texts()
    assert failed == []
    expect(admin.locator(".upload-row")).to_have_count(0)
    admin.goto("/w/formats/search?q=" + WORDS)
    expect(admin.locator(".hit-card").first).to_contain_text(WORDS)


def test_an_archive_becomes_a_document_for_each_file_in_it(
    site: Site, admin: Page, library: str, tmp_path: Path
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("合同/付款.txt", "付款期限为三十天。")
        archive.writestr("read me.md", "# Terms\n\nOrders are placed in writing.")
        archive.writestr("film.mp4", b"\x00\x00\x00 ftypisom")
    file = tmp_path / "contracts.zip"
    file.write_bytes(packed.getvalue())
    admin.goto(library)
    add(admin, file)
    row = admin.locator("tr[data-state=ready]", has_text="付款.txt")
    row.wait_for(timeout=READY_MS)
    expect(admin.locator("#unpackings")).to_contain_text("contracts.zip")
