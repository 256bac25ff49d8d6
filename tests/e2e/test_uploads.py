"""Bringing files in: each answers for itself, where the person is looking."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import content
from tests.e2e.browser import printed
from tests.e2e.conftest import Site, add, await_state, row

pytestmark = pytest.mark.e2e


@pytest.fixture
def listing(page: Page, library: str) -> Page:
    page.goto(library)
    return page


def upload_row(page: Page, name: str):
    return page.locator(".upload-row", has_text=name)


def test_a_name_with_markup_is_shown_as_text(site: Site, listing: Page):
    name = "<img src=x onerror=alert(1)>.md"
    add(listing, site.files / name)
    await_state(listing, name, "ready")
    assert listing.locator("main img").count() == 0
    row(listing, name).get_by_role("link", name=name).click()
    expect(listing.get_by_role("heading", level=1)).to_have_text(name)
    assert listing.locator("main img").count() == 0


def test_a_file_that_cannot_be_read_says_why_on_its_row(site: Site, listing: Page):
    add(listing, site.files / "NDA signed.pdf")
    await_state(listing, "NDA signed.pdf", "failed")
    expect(row(listing, "NDA signed.pdf")).to_contain_text("Needs its password")
    expect(row(listing, "NDA signed.pdf")).to_contain_text("Save it without one")
    expect(listing.locator("#balance")).to_contain_text("needs you")
    open_one = printed(site.browser, content.report_html(2))
    with listing.expect_file_chooser() as chooser:
        row(listing, "NDA signed.pdf").get_by_role("button", name="Another file").click()
    chooser.value.set_files({"name": "x.pdf", "mimeType": "", "buffer": open_one})
    await_state(listing, "NDA signed.pdf", "ready")
    expect(row(listing, "NDA signed.pdf").locator("td").nth(4)).to_have_text("2")


def test_a_taken_name_asks_what_to_do(site: Site, listing: Page):
    folder = site.files / "other"
    add(listing, content.written(folder, "Terms.md", "Payment within thirty days."))
    await_state(listing, "Terms.md", "ready")
    add(listing, content.written(folder, "Terms.md", "Payment within sixty days."))
    asking = upload_row(listing, "Terms.md")
    expect(asking).to_contain_text("There is a document of this name.")
    asking.get_by_role("button", name="New version").click()
    expect(asking).to_have_count(0)
    await_state(listing, "Terms.md", "ready")
    expect(row(listing, "Terms.md").locator("td").nth(4)).to_contain_text("2")


def test_both_can_be_kept_and_the_same_bytes_are_not(site: Site, listing: Page):
    folder = site.files / "third"
    file = content.written(folder, "Rates.md", "The rate is four per cent.")
    add(listing, file)
    await_state(listing, "Rates.md", "ready")
    add(listing, file)
    expect(upload_row(listing, "Rates.md")).to_contain_text("here already")
    add(listing, content.written(folder, "Rates.md", "The rate is five per cent."))
    asking = upload_row(listing, "Rates.md").filter(has_text="There is a document of this name.")
    asking.get_by_role("button", name="Keep both").click()
    await_state(listing, "Rates (2).md", "ready")


def test_what_is_not_accepted_is_refused_before_it_is_sent(listing: Page):
    sent: list[str] = []
    listing.on("request", lambda request: sent.append(request.url))
    listing.locator("kb-upload").evaluate("upload => upload.dataset.limit = '20'")
    listing.set_input_files(
        "input[name=files]",
        [
            {"name": "Setup.exe", "mimeType": "", "buffer": b"MZ"},
            {"name": "Nothing.txt", "mimeType": "", "buffer": b""},
            {"name": "Long.txt", "mimeType": "", "buffer": b"x" * 21},
        ],
    )
    expect(upload_row(listing, "Setup.exe")).to_contain_text(".exe is not read")
    expect(upload_row(listing, "Nothing.txt")).to_contain_text("empty")
    expect(upload_row(listing, "Long.txt")).to_contain_text("Larger than 20 B")
    assert not [url for url in sent if url.endswith("/upload")]
    upload_row(listing, "Setup.exe").get_by_role("button", name="Dismiss").click()
    expect(upload_row(listing, "Setup.exe")).to_have_count(0)


def test_files_dropped_anywhere_on_the_page_are_taken(listing: Page):
    drop = """() => {
      const data = new DataTransfer();
      data.items.add(new File(["Drivers rest after four hours."], "Driving.md", {type: "text/markdown"}));
      for (const kind of ["dragenter", "dragover"])
        document.body.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
      return [data, document.querySelector(".drop-veil").hidden];
    }"""
    assert listing.evaluate(f"() => ({drop})()[1]") is False
    listing.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["Drivers rest after four hours."], "Driving.md", {type: "text/markdown"}));
          document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
        }"""
    )
    await_state(listing, "Driving.md", "ready")
    expect(listing.locator(".drop-veil")).to_be_hidden()


def test_a_text_is_pasted_and_an_empty_one_refused_in_its_dialog(listing: Page):
    listing.get_by_role("button", name="Add", exact=True).click()
    listing.get_by_role("button", name="A text").click()
    dialog = listing.get_by_role("dialog", name="Add a text")
    dialog.get_by_label("Title").fill("Parking")
    dialog.locator("textarea").fill("   ")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.locator(".errorlist, .note.bad")).to_be_visible()
    dialog.locator("textarea").fill("Visitors park behind the hall.")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog).to_be_hidden()
    await_state(listing, "Parking.md", "ready")


def test_rows_are_renamed_and_deleted_from_their_menu(site: Site, listing: Page):
    add(listing, content.written(site.files / "menu", "Draft.md", "A first draft of the rules."))
    await_state(listing, "Draft.md", "ready")
    listing.get_by_role("button", name="Actions for Draft.md").click()
    listing.get_by_role("button", name="Rename").and_(listing.locator(":visible")).click()
    dialog = listing.get_by_role("dialog", name="Rename this document")
    dialog.get_by_label("Name").fill("Rules.md")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    row(listing, "Rules.md").wait_for()
    listing.get_by_role("button", name="Actions for Rules.md").click()
    listing.locator(".menu:popover-open").get_by_role("button", name="Delete").click()
    listing.locator("#confirm").get_by_role("button", name="Delete").click()
    expect(row(listing, "Rules.md")).to_have_count(0)


def test_the_list_is_filtered_while_typing(listing: Page):
    listing.get_by_role("searchbox", name="Filter by name").fill("frame")
    expect(row(listing, "Frame agreement 2026.pdf")).to_be_visible()
    expect(row(listing, "员工手册 2026 版.pdf")).to_have_count(0)
    listing.get_by_role("searchbox", name="Filter by name").fill("no such name")
    expect(listing.get_by_role("heading", name="No document fits")).to_be_visible()
