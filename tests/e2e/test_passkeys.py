"""Passkeys and codes in a real browser, with Chromium's own virtual authenticator."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page

from tests.apps.accounts.devices import code_of
from tests.e2e.installation import ROOT, free_ports

pytestmark = pytest.mark.e2e

EMAIL, PASSWORD = "wen.li@example.com", "mild herring walks backwards"
PICTURES = os.environ.get("PICTURES", "")
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The web process alone, reached by a name: passkeys are bound to one."""
    (port,) = free_ports(1)
    folder = tmp_path_factory.mktemp("passkeys")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KB_")}
    environment = {
        **{name: value for name, value in kept.items() if name != "PYTEST_VERSION"},
        "KB_DATA_DIR": str(folder),
        "KB_ENGINES": "fake",
        "KB_PORT": str(port),
        "KB_PUBLIC_URL": f"http://localhost:{port}",
        "KB_ADMIN_EMAIL": EMAIL,
        "KB_ADMIN_PASSWORD": PASSWORD,
        "DJANGO_SETTINGS_MODULE": "kb_platform.settings",
    }
    prepare = [sys.executable, "manage.py", "prepare"]
    subprocess.run(prepare, cwd=ROOT, env=environment, check=True, capture_output=True)
    web = [sys.executable, "-m", "uvicorn", "kb_platform.asgi:application", "--port", str(port)]
    running = subprocess.Popen([*web, "--log-level", "warning"], cwd=ROOT, env=environment)
    try:
        _await(f"http://127.0.0.1:{port}/sign-in")
        yield f"http://localhost:{port}"
    finally:
        running.terminate()
        running.wait(timeout=30)


def _await(url: str) -> None:
    for _attempt in range(240):
        try:
            urlopen(url, timeout=5).close()
        except (URLError, OSError):
            time.sleep(0.25)
        else:
            return
    pytest.fail("the web process does not answer")


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(base_url=address, locale="en-GB")
    made = context.new_page()
    yield made
    context.close()


def plugged(page: Page) -> None:
    """A device that makes passkeys and says yes."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})


def by_password(page: Page) -> None:
    page.goto("/sign-in")
    page.fill("input[name=username]", EMAIL)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button.primary")


def picture(page: Page, name: str) -> None:
    """With PICTURES=folder: what it looks like, in both themes and widths."""
    if not PICTURES:
        return
    for theme in ("light", "dark"):
        for width in (1440, 390):
            page.emulate_media(color_scheme=theme)
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(600)  # the drawer slides away
            page.screenshot(path=Path(PICTURES) / f"{name}-{theme}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 860})


def test_one_adds_a_passkey_signs_in_with_it_and_adds_an_app(page: Page, address: str) -> None:
    picture_of_sign_in(page)
    plugged(page)
    by_password(page)
    page.wait_for_url(lambda url: "/sign-in" not in url)

    page.goto("/me/security")
    picture(page, "security-empty")
    page.fill("#passkey-name", "this laptop")
    page.click("kb-passkey button")
    page.get_by_text("this laptop").first.wait_for()
    page.get_by_role("button", name="Make recovery codes").click()
    page.locator("#recovery-codes").wait_for()
    assert len(page.locator("#recovery-codes").inner_text().split()) == 10
    picture(page, "codes")

    # Without a password.
    page.context.clear_cookies()
    page.goto("/sign-in?next=/me/keys")
    page.click("kb-passkey button")
    page.wait_for_url("**/me/keys")

    # As the second step.
    page.context.clear_cookies()
    by_password(page)
    page.wait_for_url("**/sign-in/second-factor")
    picture(page, "second-step")
    page.click("kb-passkey button")
    page.wait_for_url(lambda url: "/sign-in" not in url)

    _code_of_an_app_does_as_well(page)


def _code_of_an_app_does_as_well(page: Page) -> None:
    page.goto("/me/security/app")
    picture(page, "app")
    page.click("details summary")
    secret = page.locator("#app-secret").inner_text().strip()
    page.fill("input[name=code]", code_of(secret, steps=-1))
    page.click("form button.primary")
    page.get_by_text("Authenticator app").first.wait_for()
    picture(page, "security")
    page.context.clear_cookies()
    by_password(page)
    page.fill("input[name=code]", code_of(secret))
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def picture_of_sign_in(page: Page) -> None:
    page.goto("/sign-in")
    page.locator("kb-passkey button").wait_for()
    picture(page, "sign-in")


def test_without_the_device_nothing_opens_and_the_page_says_so(page: Page) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {**DEVICE, "isUserVerified": False}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto("/sign-in")
    page.click("kb-passkey button")
    page.get_by_text("The passkey did not work").wait_for()
    assert page.url.endswith("/sign-in")
