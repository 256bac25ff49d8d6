"""What can be done with an answer, while it comes and afterwards."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site

pytestmark = pytest.mark.e2e

LONG = "The parties agree on many things. " * 60


@pytest.fixture
def slowly(site: Site):
    """The model speaks at a person's pace."""
    site.installation.model.token_s = 0.08
    yield
    site.installation.model.token_s = 0.0


def test_escape_stops_an_answer_and_keeps_what_was_said(page: Page, ask, slowly):
    ask(page, "What do the parties agree on?", LONG)
    expect(page.locator(".answer.streaming")).to_contain_text("The parties")
    page.locator("body").press("Escape")
    stopped = page.locator(".turn[data-state=stopped]")
    stopped.wait_for()
    expect(stopped).to_contain_text("Stopped. What was said so far is kept.")
    said = stopped.locator(".answer").inner_text()
    assert 0 < len(said) < len(LONG) / 2
    page.reload()
    expect(page.locator(".turn[data-state=stopped] .answer")).to_contain_text(said.strip())


def test_a_reload_finds_the_answer_running(page: Page, ask, slowly):
    ask(page, "What do they agree on then?", LONG)
    expect(page.locator(".answer.streaming")).to_contain_text("The parties")
    page.wait_for_url(re.compile(r"/c/"))
    page.reload()
    expect(page.locator(".answer.streaming")).to_contain_text("many things")
    page.get_by_role("button", name="Stop").click()
    page.locator(".turn[data-state=stopped]").wait_for()


def test_a_second_tab_sees_the_same_answer_come(site: Site, page: Page, ask, slowly):
    ask(page, "What else do they agree on?", LONG)
    page.wait_for_url(re.compile(r"/c/"))
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".answer.streaming")).to_contain_text("The parties")
    other.locator("body").press("Escape")
    page.locator(".turn[data-state=stopped]").wait_for()
    other.locator(".turn[data-state=stopped]").wait_for()
    other.close()


def test_answering_again_keeps_both_branches(site: Site, page: Page, ask):
    ask(page, "How long does the agreement run?", "It runs for thirty-six months [1].")
    page.locator(".turn[data-state=complete]").wait_for()
    site.installation.model.answers.append("Three years from March 2026 [1].")
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".answer")).to_contain_text("Three years")
    expect(page.locator(".branches")).to_contain_text("2/2")
    page.get_by_role("button", name="Earlier version").click()
    expect(page.locator(".answer")).to_contain_text("thirty-six months")
    page.get_by_role("button", name="Later version").click()
    expect(page.locator(".answer")).to_contain_text("Three years")


def test_an_edited_question_is_a_branch_of_its_own(site: Site, page: Page, ask):
    ask(page, "When are invoices paid?", "Within forty-five days [1].")
    page.locator(".turn[data-state=complete]").wait_for()
    page.locator(".ask-box").hover()
    page.get_by_role("button", name="Edit the question").click()
    site.installation.model.answers.append("Ten per cent at most [1].")
    page.get_by_role("textbox", name="The question", exact=True).fill("What is the most for delay?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".ask")).to_have_text("What is the most for delay?")
    expect(page.locator(".answer")).to_contain_text("Ten per cent")
    expect(page.locator(".branches")).to_contain_text("2/2")
    page.reload()
    expect(page.locator(".ask")).to_have_text("What is the most for delay?")
    page.locator(".ask-box").hover()
    page.get_by_role("button", name="Earlier version").click()
    expect(page.locator(".ask")).to_have_text("When are invoices paid?")


def test_a_rating_and_its_reason_are_kept(page: Page, ask):
    ask(page, "Who maintains the units?", "A certified engineer [1].")
    page.locator(".turn[data-state=complete]").wait_for()
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_role("textbox", name="What was wrong?").fill("It does not say who.")
    page.get_by_role("button", name="Send", exact=True).and_(
        page.locator(".rate-form button")
    ).click()
    expect(page.get_by_text("Noted. Thank you.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")


def test_a_model_that_is_down_leaves_the_passages_and_a_retry(site: Site, page: Page, ask):
    model = site.installation.model
    model.behaviour = type(model.behaviour)("500")
    try:
        ask(page, "Is there a warranty for the units?")
        failed = page.locator(".turn[data-state=failed]")
        failed.wait_for()
    finally:
        model.behaviour = type(model.behaviour)("ok")
    expect(failed.locator(".note.bad")).to_be_visible()
    expect(page.locator(".source").first).to_be_visible()
    model.answers.append("A unit that leaves its range is replaced [1].")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".turn[data-state=complete] .answer")).to_contain_text("replaced")


def test_a_refusal_is_honest_and_shows_what_came_closest(page: Page, ask):
    ask(page, "Who won the football cup?", "The documents do not answer this question.")
    refused = page.locator(".turn[data-state=refused]")
    refused.wait_for()
    expect(refused.locator(".refusal li")).to_have_count(3)
    refused.locator(".refusal li button").first.click()
    page.locator("kb-reader").wait_for()


def test_thinking_is_folded_and_apart_from_the_answer(site: Site, page: Page, ask):
    site.installation.model.thinking = "The contract says so on its third page."
    try:
        ask(page, "How is it ended?", "With ninety days’ notice [1].")
        page.locator(".turn[data-state=complete]").wait_for()
    finally:
        site.installation.model.thinking = ""
    expect(page.locator(".answer")).not_to_contain_text("third page")
    expect(page.locator(".thinking > div")).to_be_hidden()
    page.get_by_text("How the model thought about it").click()
    expect(page.locator(".thinking > div")).to_have_text("The contract says so on its third page.")


def test_hostile_words_of_the_model_stay_words(page: Page, ask):
    evil = (
        "<img src=x onerror=alert(1)> ![x](https://example.com/p.png) [x](javascript:alert(1)) [1]"
    )
    ask(page, "What is in annex A?", evil)
    answer = page.locator(".turn[data-state=complete] .answer")
    answer.wait_for()
    assert answer.locator("img, script, a[href^=javascript]").count() == 0
    expect(answer).to_contain_text("<img src=x")


def test_a_formula_and_code_are_set_when_they_come(page: Page, ask):
    ask(page, "What is the formula?", "It is $x^2$.\n\n```python\nprint(1)\n```\n\nSee [1].")
    answer = page.locator(".turn[data-state=complete] .answer")
    expect(answer.locator("math")).to_be_visible()
    expect(answer.locator("pre .hljs-number, pre .hljs-built_in").first).to_be_visible()


def test_a_conversation_is_renamed_and_deleted(page: Page, ask):
    ask(page, "When may prices change?", "Once a year [1].")
    page.locator(".turn[data-state=complete]").wait_for()
    page.get_by_role("button", name="This conversation").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Title").fill("Prices")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Prices")
    expect(page.locator(".side").get_by_role("link", name="Prices", exact=True)).to_be_visible()
    page.get_by_role("button", name="This conversation").click()
    page.get_by_role("button", name="Delete").click()
    page.locator("#confirm").get_by_role("button", name="Delete").click()
    page.wait_for_url(re.compile(r"/w/procurement/ask"))
    expect(page.locator(".side").get_by_role("link", name="Prices", exact=True)).to_have_count(0)
