"""Chromium as the tests and the pictures drive it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
# A closed network: without these it asks its maker's hosts at every start.
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_QUIET)
        try:
            yield browser
        finally:
            browser.close()


def printed(browser: Browser, html: str) -> bytes:
    """A PDF of this HTML, with real text and fonts."""
    page = browser.new_page()
    try:
        page.set_content(html)
        return page.pdf(prefer_css_page_size=True)
    finally:
        page.close()


def sign_in(page: Page, address: str, email: str, password: str) -> None:
    page.goto(f"{address}/sign-in")
    page.fill("input[name=username]", email)
    page.fill("input[name=password]", password)
    page.click("main button.primary")
    page.wait_for_url(f"{address}/")
