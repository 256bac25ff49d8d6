"""The whole story: an empty installation, documents in, a question, an answer, the page it is on."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ADMIN, Site, add, await_state, row

pytestmark = pytest.mark.e2e

# The embedder of the tests knows words, not meaning: the question shares them with its passage.
QUESTION = "May either party terminate this Agreement by giving ninety days’ written notice?"
ANSWER = "Either party may terminate it with ninety days’ written notice [1]."


@pytest.fixture
def thoughtful(site: Site) -> Iterator[None]:
    """The model takes its time before the first word."""
    site.installation.model.first_token_s = 3.0
    yield
    site.installation.model.first_token_s = 0.0


@pytest.mark.usefixtures("thoughtful")
def test_from_an_empty_installation_to_the_page_an_answer_stands_on(site: Site, admin: Page):
    page = admin
    page.goto("/w/new")
    page.fill("main input[name=name]", "Story")
    page.click("main button.primary")
    page.wait_for_url(re.compile(r"/k/"))
    expect(page.get_by_role("heading", name="Add the first documents")).to_be_visible()

    names = ["Frame agreement 2026.pdf", "休假与考勤管理办法.docx", "员工手册 2026 版.pdf"]
    add(page, *(site.files / name for name in names))
    for name in names:
        await_state(page, name, "ready")
    expect(row(page, names[0])).to_contain_text("Searchable")
    expect(page.locator("#balance")).to_contain_text("all searchable")

    site.installation.model.answers.append(ANSWER)
    page.goto("/")
    page.fill("kb-ask textarea", QUESTION)
    page.select_option("kb-ask select", label="Story")
    page.locator("kb-ask textarea").press("Enter")

    # The evidence is there before the first word.
    page.locator(".source").first.wait_for()
    assert page.locator(".answer p").count() == 0
    answer = page.locator(".turn[data-state=complete] .answer")
    expect(answer).to_contain_text("ninety days’ written notice", timeout=20_000)
    expect(page).to_have_url(re.compile(r"/c/"))

    citation = answer.locator("button.cite").first
    number = citation.inner_text()
    citation.click()
    _is_open_at(page, number, "3", "Either party may terminate")


def _is_open_at(page: Page, number: str, page_number: str, words: str) -> None:
    """The reader shows that page of the PDF, with a frame in view around the words."""
    reader = page.locator("kb-reader[data-kind=pdf][data-ready]")
    reader.wait_for()
    expect(reader.locator("input[name=page]")).to_have_value(page_number)
    frame = reader.locator(".hit-frame")
    expect(frame).to_be_in_viewport()
    around, inside = frame.bounding_box(), reader.get_by_text(words).first.bounding_box()
    assert around
    assert inside
    assert around["width"] > 100
    assert around["height"] > 10
    assert around["y"] - 4 <= inside["y"] <= around["y"] + around["height"]
    current = page.locator(".beside-chips .cite[aria-current]")
    expect(current).to_have_text(number)


def test_a_chinese_question_is_answered_from_the_word_file(site: Site, page: Page, ask):
    ask(page, "病假的证明要在几天内补交？", "病假须在返岗后五个工作日内补交医疗机构出具的证明[1]。")
    page.locator(".turn[data-state=complete]").wait_for()
    page.locator(".answer button.cite").first.click()
    cited = page.locator("kb-reader .cited").first
    expect(cited).to_be_in_viewport()
    expect(page.locator("kb-reader .sheet")).to_contain_text("返岗后五个工作日")


def test_the_first_administrator_can_sign_in_again(site: Site, library: str):
    page = site.signed_in(*ADMIN)
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
