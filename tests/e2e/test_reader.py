"""Reading a document on its own page."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import row

pytestmark = pytest.mark.e2e


@pytest.fixture
def contract(page: Page, library: str) -> Page:
    page.goto(library)
    row(page, "Frame agreement 2026.pdf").get_by_role("link").first.click()
    page.locator("kb-reader[data-ready]").wait_for()
    return page


def test_pages_are_drawn_with_their_text(contract: Page):
    expect(contract.locator(".pdf-page").first.locator("canvas")).to_be_visible()
    expect(contract.locator(".textLayer").first).to_contain_text(
        "Frame Agreement for Cooling Units"
    )
    # Only what is near is drawn.
    assert contract.locator(".pdf-page canvas").count() < contract.locator(".pdf-page").count()


def test_pages_are_turned_by_number_and_by_button(contract: Page):
    number = contract.locator("input[name=page]")
    number.fill("5")
    number.press("Enter")
    expect(contract.locator(".pdf-page[data-page='5']")).to_be_in_viewport()
    contract.get_by_role("button", name="Next page").click()
    expect(number).to_have_value("6")
    contract.get_by_role("button", name="Previous page").click()
    expect(number).to_have_value("5")


def test_words_are_found_on_pages_that_were_not_drawn(contract: Page):
    contract.get_by_role("searchbox", name="Find in this document").fill("wilful misconduct")
    expect(contract.locator("[data-found]")).to_have_text("1 of 1")
    expect(contract.locator("input[name=page]")).to_have_value("7")
    contract.get_by_role("searchbox", name="Find in this document").fill("submarine")
    expect(contract.locator("[data-found]")).to_have_text("Not found")


def test_pages_are_made_larger_and_fitted_again(contract: Page):
    first = contract.locator(".pdf-page").first
    before = first.bounding_box()["width"]
    contract.get_by_role("button", name="Larger").click()
    assert first.bounding_box()["width"] > before * 1.1
    contract.get_by_role("button", name="Fit the width").click()
    assert abs(first.bounding_box()["width"] - before) < 2


def test_details_say_what_it_is_and_who_may_open_it(contract: Page):
    contract.get_by_role("button", name="Details").first.click()
    details = contract.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("Everybody in Procurement")
    expect(details).to_contain_text("Version 1")


def test_a_word_file_is_read_as_text_with_its_structure(page: Page, library: str):
    page.goto(library)
    row(page, "休假与考勤管理办法.docx").get_by_role("link").first.click()
    sheet = page.locator("kb-reader .sheet")
    expect(sheet.get_by_role("heading", name="第二节 年休假的折算")).to_be_visible()
    expect(sheet.locator("td", has_text="15 天")).to_be_visible()
    page.get_by_role("searchbox", name="Find in this document").fill("百分之三百")
    expect(page.locator("[data-found]")).to_have_text("1 of 1")


def test_the_original_can_be_downloaded_under_its_name(contract: Page):
    with contract.expect_download() as download:
        contract.get_by_role("link", name="Download", exact=True).click()
    assert download.value.suggested_filename == "Frame agreement 2026.pdf"
