"""The main pages in both languages, both themes and on a telephone: no finding that matters."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site
from tests.e2e.installation import ROOT

pytestmark = pytest.mark.e2e

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter(each => ["serious", "critical"].includes(each.impact))
  .map(each => [each.id, each.help, each.nodes.slice(0, 3).map(node => node.html.slice(0, 160))])"""

ANSWERED = "**Ninety days** [1].\n\n| What | When |\n|---|---|\n| Notice | 90 days [1] |"


@pytest.fixture(scope="session")
def conversation(site: Site, admin: Page, library: str) -> str:
    site.installation.model.answers.append(ANSWERED)
    admin.goto("/w/procurement/ask")
    admin.fill(".composer textarea", "May either party terminate this Agreement?")
    admin.keyboard.press("Enter")
    admin.locator(".turn[data-state=complete]").wait_for()
    return admin.url


@pytest.fixture
def pages(library: str, conversation: str, admin: Page) -> dict[str, str]:
    admin.goto(library)
    document = str(admin.locator(".doc-name").first.get_attribute("href"))
    return {
        "document": document,
        "passages": f"{document}/passages",
        "compare": f"{document}/compare",
        "cutting": f"{library.rstrip('/')}/cutting",
        "sources": f"{library.rstrip('/')}/sources",
        "embedding": "/administration/embedding",
        "models": "/administration/models",
        "home": "/",
        "documents": library,
        "conversation": conversation,
        "new question": "/w/procurement/ask",
        "search test": "/w/procurement/search?q=notice",
        "people": "/administration/people",
        "account": "/me",
    }


@pytest.fixture
def looking(site: Site, admin: Page) -> Callable[..., Page]:
    """A browser with these settings. axe is injected past the policy, which forbids it."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed (cd frontend && npm ci)")
    state = admin.context.storage_state()

    def opened(**options: object) -> Page:
        return site.context(storage_state=state, bypass_csp=True, **options).new_page()

    return opened


def findings(page: Page) -> list[object]:
    page.add_script_tag(content=AXE.read_text())
    return list(page.evaluate(_RUN))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found(looking, pages, scheme):
    page = looking(color_scheme=scheme)
    found = {}
    for name, address in pages.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        found[name] = findings(page)
    assert not {name: each for name, each in found.items() if each}, json.dumps(found, indent=1)


def test_nothing_serious_is_found_on_a_telephone(looking, pages):
    page = looking(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    found = {}
    for name, address in pages.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        found[name] = findings(page)
    assert not {name: each for name, each in found.items() if each}, json.dumps(found, indent=1)


def test_dialogs_menus_and_the_reader_are_sound_too(looking, library, conversation):
    page = looking()
    page.goto(library)
    page.get_by_role("button", name="Add", exact=True).click()
    assert not findings(page)
    page.get_by_role("button", name="A text").click()
    assert not findings(page)
    page.goto(conversation)
    page.locator(".answer button.cite").first.click()
    page.locator("kb-reader[data-ready]").wait_for()
    assert not findings(page)
    page.keyboard.press("Control+k")
    page.get_by_role("option").first.wait_for()
    assert not findings(page)


@pytest.mark.parametrize("width", [360, 390, 768])
def test_no_page_is_wider_than_the_screen(looking, pages, width):
    page = looking(viewport={"width": width, "height": 800})
    for name, address in pages.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, name


def test_on_a_telephone_a_citation_opens_the_sheet_and_then_the_page(looking, conversation):
    page = looking(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto(conversation)
    page.locator(".answer button.cite").first.tap()
    expect(page.locator("#evidence")).to_have_class("evidence open")
    page.locator(".source[aria-current]").tap()
    expect(page.locator("kb-reader[data-ready] .hit-frame")).to_be_in_viewport()
    page.get_by_role("button", name="Close the document").tap()
    expect(page.locator("kb-reader")).to_have_count(0)


def test_the_drawer_opens_and_closes(looking, library):
    page = looking(viewport={"width": 390, "height": 844})
    page.goto(library)
    expect(page.locator("#side")).not_to_be_in_viewport()
    page.get_by_role("button", name="Open the menu").click()
    expect(page.get_by_role("link", name="New question")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.locator("#side")).not_to_be_in_viewport()


def test_language_and_theme_are_chosen_in_the_menu_and_stay(looking, library):
    page = looking()
    page.goto("/")
    page.locator(".user-button").click()
    with page.expect_response(lambda answer: answer.url.endswith("/me/theme")):
        page.get_by_role("button", name="Dark").click()  # seen at once, kept a moment later
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator(".user-button").click()
    with page.expect_response(lambda answer: answer.url.endswith("/me/theme")):
        page.get_by_role("button", name="Automatic").click()
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.locator(".user-button").click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
