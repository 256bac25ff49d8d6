"""One installation and one browser for all stories. The stories build on each other's rooms, not rows."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.e2e import content
from tests.e2e.browser import CHROMIUM, chromium, printed, sign_in
from tests.e2e.installation import ROOT, Installation

ADMIN = ("wen.li@example.com", "a-long-enough-phrase")
READY_MS = 60_000


@dataclass
class Site:
    """The installation as people use it."""

    installation: Installation
    browser: Browser
    files: Path

    @property
    def address(self) -> str:
        return self.installation.address

    def context(self, **options: Any) -> BrowserContext:
        options = {"viewport": {"width": 1280, "height": 860}, "locale": "en-GB", **options}
        return self.browser.new_context(base_url=self.address, **options)

    def signed_in(self, email: str, password: str, **options: Any) -> Page:
        """A page of its own browser, with somebody signed in; it fails on what its console says."""
        page = self.context(**options).new_page()
        sign_in(page, self.address, email, password)
        return page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all: a process drives no two."""
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    if not (ROOT / "static" / "dist" / "main.js").exists():
        pytest.skip("the pages' scripts are not built (make front)")
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with Installation(folder) as installation:
        yield Site(installation, browser, _files(browser, folder / "files"))


def _files(browser: Browser, folder: Path) -> Path:
    content.written(folder, "Frame agreement 2026.pdf", printed(browser, content.contract_html()))
    content.written(folder, "员工手册 2026 版.pdf", printed(browser, content.handbook_html()))
    content.written(folder, "休假与考勤管理办法.docx", content.leave_docx())
    content.written(folder, "Price annex.csv", content.PRICES_CSV)
    content.written(folder, "<img src=x onerror=alert(1)>.md", content.POLICY_MD)
    samples = ROOT / "tests" / "samples"
    shutil.copy(samples / "encrypted.pdf", folder / "NDA signed.pdf")
    return folder


@pytest.fixture(scope="session")
def admin(site: Site) -> Page:
    """The first administrator, made through the link of the first run."""
    page = site.context().new_page()
    page.goto(site.installation.setup_link)
    email, password = ADMIN
    for name, value in (("email", email), ("name", "Wen Li")):
        page.fill(f"main input[name={name}]", value)
    for field in page.locator("main input[type=password]").all():
        field.fill(password)
    page.click("main button.primary")
    page.wait_for_url(re.compile(r"/(welcome)?$"))
    return page


@pytest.fixture(scope="session")
def collection(site: Site, admin: Page) -> str:
    """The address of the first collection of a workspace that the administrator made."""
    admin.goto("/w/new")
    admin.fill("main input[name=name]", "Procurement")
    admin.click("main button.primary")
    admin.wait_for_url(re.compile(r"/k/"))
    return admin.url


def add(page: Page, *files: Path) -> None:
    """Choose files for upload on a collection's page."""
    page.set_input_files("input[name=files]", [str(file) for file in files])


def row(page: Page, name: str) -> Any:
    return page.locator("tr", has=page.get_by_role("link", name=name, exact=True))


def await_state(page: Page, name: str, state: str) -> None:
    """Without loading the page again: the row has to come by itself."""
    row(page, name).and_(page.locator(f"[data-state={state}]")).wait_for(timeout=READY_MS)


@pytest.fixture(scope="session")
def library(site: Site, admin: Page, collection: str) -> str:
    """The collection with its documents searchable."""
    admin.goto(collection)
    names = ["Frame agreement 2026.pdf", "员工手册 2026 版.pdf", "休假与考勤管理办法.docx"]
    add(admin, *(site.files / name for name in names))
    for name in names:
        await_state(admin, name, "ready")
    return collection


@pytest.fixture
def ask(site: Site, library: str) -> Callable[..., None]:
    """``ask(page, question, answer)``: ask in the workspace, with what the model will say."""

    def asking(page: Page, question: str, answer: str = "") -> None:
        if answer:
            site.installation.model.answers.append(answer)
        page.goto("/w/procurement/ask")
        page.fill(".composer textarea", question)
        page.keyboard.press("Enter")

    return asking


@pytest.fixture
def invited(site: Site, admin: Page, library: str) -> Callable[[str, str], Page]:
    """``invited("bo", "viewer")``: somebody new with this role in Procurement, signed in; an
    empty role leaves them outside."""

    def inviting(name: str, role: str) -> Page:
        email, password = f"{name}@example.com", "another-long-phrase"
        admin.goto("/administration/people")
        link = _invite(admin, email, name)
        page = site.context().new_page()
        page.goto(link)
        for field in page.locator("main input[type=password]").all():
            field.fill(password)
        page.click("main button.primary")
        page.wait_for_url(f"{site.address}/")
        if role:
            admin.goto("/w/procurement/members")
            admin.fill("main input[name=who]", email)
            admin.select_option("main form select[name=role] >> nth=0", role)
            admin.click("main button.primary")
            admin.get_by_text(email, exact=True).wait_for()
            page.goto("/")
        return page

    return inviting


def _invite(admin: Page, email: str, name: str) -> str:
    admin.fill("main input[name=email]", email)
    field = admin.locator("main form input[name=name]")
    if field.count():
        field.first.fill(name)
    admin.click("main button.primary")
    link = admin.get_by_text(re.compile(r"https?://\S+/join/\S+"))
    link.first.wait_for()
    found = re.search(r"https?://\S+/join/\S+", link.first.inner_text())
    assert found
    return found.group(0)


@pytest.fixture
def page(site: Site, admin: Page, library: str) -> Iterator[Page]:
    """The administrator in a fresh browser. What its console complains about fails the test: a
    policy that blocks something, an exception in a script."""
    context = site.context(storage_state=admin.context.storage_state())
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
    page.on("console", lambda line: _complain(complaints, line.type, line.text))
    yield page
    context.close()
    assert not complaints


def _complain(complaints: list[str], kind: str, text: str) -> None:
    # An answer of 4xx that the test itself provokes is logged by the browser as an error too.
    if kind == "error" and "Failed to load resource" not in text:
        complaints.append(text)
