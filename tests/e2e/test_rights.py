"""The same pages as somebody who may less, and as a stranger."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site

pytestmark = pytest.mark.e2e


def test_a_viewer_reads_and_asks_and_cannot_upload(site: Site, library: str, invited, ask):
    viewer: Page = invited("vera", "viewer")
    viewer.goto(library)
    expect(viewer.get_by_role("link", name="Frame agreement 2026.pdf")).to_be_visible()
    expect(viewer.get_by_role("button", name="Upload")).to_have_count(0)
    expect(viewer.locator("kb-upload")).to_have_count(0)
    status = viewer.evaluate(
        """async url => {
          const body = new FormData();
          body.set("file", new File(["x"], "x.md"));
          const token = document.querySelector("meta[name=csrf-token]").content;
          return (await fetch(url + "upload", {method: "POST", body, headers: {"X-CSRFToken": token}})).status;
        }""",
        library,
    )
    assert status == 403
    ask(viewer, "May either party terminate this Agreement?", "With ninety days’ notice [1].")
    viewer.locator(".turn[data-state=complete]").wait_for()


def test_to_a_stranger_nothing_is_there(site: Site, library: str, page: Page, invited):
    page.goto(library)
    document = page.get_by_role("link", name="Frame agreement 2026.pdf").get_attribute("href")
    stranger: Page = invited("stan", "")
    for address in (library, document, "/w/procurement/ask", "/w/procurement/search"):
        response = stranger.goto(str(address))
        assert response
        assert response.status == 404
    stranger.goto("/")
    expect(stranger.get_by_text("You are not in a workspace yet").first).to_be_visible()
    stranger.keyboard.press("Control+k")
    stranger.get_by_role("combobox", name="Find workspaces").fill("Frame")
    expect(stranger.get_by_text(re.compile("Nothing is called"))).to_be_visible()


def test_somebody_who_is_not_signed_in_is_asked_to(site: Site, library: str):
    page = site.context().new_page()
    page.goto(library)
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
