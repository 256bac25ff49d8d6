"""Everything without a mouse."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e


def test_find_opens_moves_and_goes_by_keys(page: Page, library: str):
    page.goto("/")
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Find workspaces")
    expect(box).to_be_focused()
    box.fill("frame")
    expect(page.get_by_role("option", name=re.compile("Frame agreement"))).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Frame agreement 2026.pdf")


def test_escape_closes_find(page: Page):
    page.goto("/")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Find workspaces")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("combobox", name="Find workspaces")).to_be_hidden()


def test_a_slash_goes_to_the_composer_and_is_not_typed(page: Page, library: str):
    page.goto("/w/procurement/ask")
    page.locator("body").click(position={"x": 700, "y": 400})
    page.keyboard.press("/")
    expect(page.locator(".composer textarea")).to_be_focused()
    expect(page.locator(".composer textarea")).to_have_value("")
    page.keyboard.type("a/b")
    expect(page.locator(".composer textarea")).to_have_value("a/b")


def test_enter_sends_and_with_shift_begins_a_line(page: Page, ask, library: str):
    page.goto("/w/procurement/ask")
    area = page.locator(".composer textarea")
    area.press_sequentially("one")
    area.press("Shift+Enter")
    area.press_sequentially("two")
    expect(area).to_have_value("one\ntwo")
    area.press("Enter")
    expect(area).to_have_value("")
    expect(page.locator(".ask")).to_have_text("one\ntwo")


def test_enter_while_an_input_method_is_composing_sends_nothing(page: Page, library: str):
    page.goto("/w/procurement/ask")
    area = page.locator(".composer textarea")
    area.fill("nian jia")
    area.evaluate(
        """area => area.dispatchEvent(new KeyboardEvent("keydown",
             {key: "Enter", isComposing: true, bubbles: true, cancelable: true}))"""
    )
    expect(area).to_have_value("nian jia")
    assert page.locator(".turn").count() == 0


def test_digits_open_citations_and_escape_closes_the_reader(page: Page, ask):
    ask(page, "May either party terminate this Agreement?", "With ninety days’ notice [1].")
    page.locator(".turn[data-state=complete]").wait_for()
    page.locator(".thread-scroll").focus()
    page.keyboard.press("1")
    page.locator("kb-reader").wait_for()
    expect(page.locator(".source[data-number='1']")).to_have_attribute("aria-current", "true")
    page.keyboard.press("Escape")
    expect(page.locator("kb-reader")).to_have_count(0)


def test_a_menu_opens_and_closes_by_keys(page: Page, library: str):
    page.goto(library)
    button = page.get_by_role("button", name="Add", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="A folder")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(button).to_be_focused()


def test_the_first_tab_skips_to_the_content(page: Page, library: str):
    page.goto(library)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main#main")).to_be_focused()


def test_a_citation_is_peeked_at_by_focus(page: Page, ask):
    ask(page, "May either party terminate this Agreement?", "With ninety days’ notice [1].")
    page.locator(".turn[data-state=complete]").wait_for()
    page.locator(".answer button.cite").first.focus()
    expect(page.get_by_role("tooltip")).to_contain_text("Frame agreement")
