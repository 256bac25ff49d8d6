"""Large files from the page: the server goes away, the page goes away, the file arrives once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.apps.intake.web import Web
from tests.e2e.browser import sign_in
from tests.factories import PASSWORD

pytestmark = pytest.mark.e2e

MIB = 1024 * 1024
SIZE = 40 * MIB
PATIENCE_MS = 60_000


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    made = Web(tmp_path / "data")
    try:
        made.start()
        yield made
    finally:
        made.kill()


@pytest.fixture
def listing(web: Web, browser: Browser) -> Iterator[Page]:
    page = browser.new_context(locale="en-GB").new_page()
    sign_in(page, web.address, "alice@example.com", PASSWORD)
    page.goto(f"{web.address}/k/{web.collection}/")
    yield page
    page.context.close()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "Minutes of ten years.txt"
    path.write_bytes(b"The pump of the north hall is inspected in May.\n" * (SIZE // 48))
    return path


def pieces_of(page: Page) -> list[Response]:
    found: list[Response] = []
    page.on(
        "response",
        lambda response: found.append(response) if response.request.method == "PATCH" else None,
    )
    return found


def stored(web: Web) -> list[tuple[str, int]]:
    with web.client() as client:
        rows = client.get(f"/api/v1/collections/{web.collection}/documents").json()["items"]
        whole = [client.get(f"/api/v1/documents/{row['id']}").json() for row in rows]
    return [(each["name"], version["size"]) for each in whole for version in each["versions"]]


def test_it_goes_on_by_itself_when_the_server_comes_back(
    web: Web, listing: Page, large: Path
) -> None:
    with listing.expect_response(lambda answer: answer.request.method == "PATCH"):
        listing.set_input_files("input[name=files]", large)
    web.kill()
    row = listing.locator(".upload-row", has_text=large.name)
    expect(row).to_contain_text("It goes on by itself", timeout=PATIENCE_MS)
    web.start()
    expect(row).to_have_count(0, timeout=PATIENCE_MS)
    assert stored(web) == [(large.name, large.stat().st_size)]


def test_it_goes_on_when_the_page_was_left_and_the_file_is_chosen_again(
    web: Web, listing: Page, large: Path
) -> None:
    listing.on("dialog", lambda dialog: dialog.accept())
    with listing.expect_response(lambda answer: answer.request.method == "PATCH"):
        listing.set_input_files("input[name=files]", large)
    listing.reload()
    recalled = listing.locator(".upload-row", has_text=large.name)
    expect(recalled).to_contain_text("Choose the file again")
    pieces = pieces_of(listing)
    listing.set_input_files("input[name=files]", large)
    expect(recalled).to_have_count(0, timeout=PATIENCE_MS)
    assert 0 < len(pieces) < SIZE / (8 * MIB), "not from the start"
    assert stored(web) == [(large.name, large.stat().st_size)]
    listing.set_input_files("input[name=files]", large)
    expect(recalled).to_contain_text("here already", timeout=PATIENCE_MS)


def test_a_taken_name_is_decided_without_sending_again(
    web: Web, listing: Page, large: Path
) -> None:
    listing.set_input_files("input[name=files]", large)
    row = listing.locator(".upload-row", has_text=large.name)
    expect(row).to_have_count(0, timeout=PATIENCE_MS)
    large.write_bytes(large.read_bytes() + b"And in June.")
    listing.set_input_files("input[name=files]", large)
    expect(row).to_contain_text("There is a document of this name", timeout=PATIENCE_MS)
    pieces = pieces_of(listing)
    row.get_by_role("button", name="Keep both").click()
    expect(row).to_have_count(0, timeout=PATIENCE_MS)
    assert pieces == []
    assert {name for name, _size in stored(web)} == {
        "Minutes of ten years.txt",
        "Minutes of ten years (2).txt",
    }
