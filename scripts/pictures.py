"""Makes docs/images/*.png: an installation with a made-up company's documents, as people see it.

Run it from the root: ``python -m scripts.pictures`` (wants Chromium, the built scripts and compiled
messages; uses the real embedding model when `make run` has fetched it). The language model is
scripted, so that the pictures show the pages and not the luck of one answer.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.e2e import content
from tests.e2e.browser import chromium, printed
from tests.e2e.installation import ROOT, Installation

IMAGES = ROOT / "docs" / "images"
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}
READY = "tr[data-state=ready], tr[data-state=failed]"

HR = {
    "员工手册": ["员工手册 2026 版.pdf"],
    "休假与考勤": ["休假与考勤管理办法.docx", "Parental leave for contractors.md"],
}
PROCUREMENT = {
    "Supplier contracts": [
        "Frame agreement cooling units 2026.pdf",
        "Inspection report Q1.pdf",
        "Inspection report Q2.pdf",
        "Price annex Q3.csv",
        "2026 年度采购框架协议（修订，供应商盖章扫描件，含附件一至附件七）.pdf",
        "NDA_signed_final_v2.pdf",
    ],
    "Framework agreements": ["Framework terms.md"],
    "价格表 Price lists": ["Price list 2026.csv"],
}

ZH_QUESTION = "职工累计工作已满 12 年，年休假有多少天？没休完的应休未休天数能不能折算工资报酬？"
ZH_ANSWER = """累计工作已满 10 年不满 20 年的，年休假 **10 天**[{leave}]。国家法定休假日、休息日不计入年休假的假期[{leave}]。

| 累计工龄 | 年休假 | 依据 |
|---|---|---|
| 满 1 年，不满 10 年 | 5 天 | [{leave}] |
| **满 10 年，不满 20 年** | **10 天** | [{leave}] |
| 满 20 年 | 15 天 | [{leave}] |

确因工作需要不能安排年休假的，经职工本人同意，按照该职工**日工资收入的 300%** 支付年休假工资报酬[{leave}]；离职时应休未休的年休假同样折算，随最后一个月工资发放[{pay}]。申请应在 12 月 15 日前送达总部[{pay}]。"""
EN_QUESTION = (
    "Can either party terminate the frame agreement early, and what does late delivery cost?"
)
EN_ANSWER = """Yes. Either party may terminate this Agreement by giving **ninety days’ written notice** to the other party [{notice}]. After a material breach that is not remedied within thirty days it may end at once [{notice}].

For each full day of late delivery the Supplier pays **0.5 per cent** of the value of the delayed goods, up to ten per cent [{delay}]."""


@dataclass
class Studio:
    """The installation, a browser, and the administrator's session."""

    site: Installation
    browser: Browser
    files: Path
    state: Any = None

    def context(self, **options: Any) -> BrowserContext:
        options = {"viewport": WIDE, "locale": "en-GB", "device_scale_factor": 1, **options}
        return self.browser.new_context(
            base_url=self.site.address, storage_state=self.state, **options
        )

    @contextmanager
    def page(self, *, narrow: bool = False, **options: Any) -> Iterator[Page]:
        if narrow:
            options |= {"viewport": NARROW, "has_touch": True, "is_mobile": True}
            options["device_scale_factor"] = 2
        context = self.context(**options)
        try:
            yield context.new_page()
        finally:
            context.close()


def main() -> int:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder, chromium() as browser:
        _picture(Path(folder), browser)
    return 0


def _picture(folder: Path, browser: Browser) -> None:
    with Installation(folder / "site", **_models()) as site:
        studio = Studio(site, browser, folder / "files")
        _write_files(studio)
        _first_run(studio)
        _take(studio, _furnish(studio))


def _models() -> dict[str, str]:
    fetched = Path.home() / ".cache" / "footnote" / "models" / "e5-small" / "onnx"
    return {"LOCAL_MODELS": "real", "PARTS": _PARTS} if fetched.is_dir() else {}


_PARTS = "redis,model-host,index-host,worker-light,worker-parse,worker-embed,beat,web"


def _write_files(studio: Studio) -> None:
    pdf = {
        "员工手册 2026 版.pdf": content.handbook_html(),
        "Frame agreement cooling units 2026.pdf": content.contract_html(),
        "Inspection report Q1.pdf": content.report_html(1),
        "Inspection report Q2.pdf": content.report_html(2),
    }
    for name, html in pdf.items():
        content.written(studio.files, name, printed(studio.browser, html))
    content.written(studio.files, "休假与考勤管理办法.docx", content.leave_docx())
    content.written(studio.files, "Parental leave for contractors.md", content.POLICY_MD)
    content.written(studio.files, "Framework terms.md", "# Terms\n\nOrders are placed in writing.")
    for name in ("Price annex Q3.csv", "Price list 2026.csv"):
        content.written(studio.files, name, content.PRICES_CSV)
    samples = ROOT / "tests" / "samples"
    copies = {"NDA_signed_final_v2.pdf": "encrypted.pdf", PROCUREMENT_SCAN: "scan.pdf"}
    for name, sample in copies.items():
        content.written(studio.files, name, (samples / sample).read_bytes())


PROCUREMENT_SCAN = PROCUREMENT["Supplier contracts"][4]


def _first_run(studio: Studio) -> None:
    with studio.page() as page:
        page.goto(studio.site.setup_link)
        page.fill("main input[name=name]", "李雯 Wen Li")
        page.fill("main input[name=email]", "wen.li@example.com")
        _shot(page, "first-run-en-light")
        page.fill("main input[type=password]", "a-long-enough-phrase")
        page.click("main button.primary")
        page.wait_for_url(re.compile(r"/(welcome)?$"))
        _shot(page, "welcome-en-light")
        studio.state = page.context.storage_state()


# --- furniture ------------------------------------------------------------------------------------
def _furnish(studio: Studio) -> dict[str, str]:
    """Workspaces, collections, documents and two conversations; their addresses by language."""
    with studio.page() as page:
        hr = _workspace(studio, page, "人力资源", HR)
        procurement = _workspace(studio, page, "Procurement", PROCUREMENT)
        _workspace(studio, page, "Engineering handbook", {})
        leave = {"leave": "第四十二条", "pay": "应休未休的年休假，按照"}
        clauses = {"notice": "ninety days", "delay": "late delivery"}
        return {
            "en": _conversation(studio, page, procurement, EN_QUESTION, EN_ANSWER, clauses),
            "zh": _conversation(studio, page, hr, ZH_QUESTION, ZH_ANSWER, leave),
        }


def _workspace(studio: Studio, page: Page, name: str, shelves: dict[str, list[str]]) -> str:
    """A workspace whose first collection gets the first name; returns its slug."""
    page.goto("/w/new")
    page.fill("main input[name=name]", name)
    page.click("main button.primary")
    page.wait_for_url(re.compile(r"/k/"))
    slug = _slug(page)
    for number, (shelf, files) in enumerate(shelves.items()):
        if number == 0:
            settings = page.locator("a[href*='/collections/'][href$='/settings']").first
            page.goto(str(settings.get_attribute("href")))
            page.fill("main input[name=name]", shelf)
            page.locator("main form:has(input[name=name]) button.primary").click()
        else:
            page.goto(f"/w/{slug}/collections/new")
            page.fill("main input[name=name]", shelf)
            page.click("main button.primary")
        page.wait_for_load_state()
        page.goto(f"/w/{slug}/documents")
        page.locator(".side .sub").get_by_role("link", name=re.compile(re.escape(shelf))).click()
        page.wait_for_url(re.compile(r"/k/"))
        _upload(studio, page, files)
    return slug


def _slug(page: Page) -> str:
    links = page.locator(".side a[href^='/w/'][href$='/search']")
    return str(links.first.get_attribute("href")).split("/")[2]


def _upload(studio: Studio, page: Page, files: list[str]) -> None:
    page.set_input_files("input[name=files]", [str(studio.files / name) for name in files])
    page.wait_for_function(
        "([states, n]) => document.querySelectorAll(states).length >= n",
        arg=[READY, len(files)],
        timeout=120_000,
    )


def _conversation(
    studio: Studio, page: Page, slug: str, question: str, answer: str, phrases: dict[str, str]
) -> str:
    """Ask, with the numbers of the sources that hold the phrases in the answer."""
    page.goto(f"/w/{slug}/search?q={question}")
    hits = page.locator(".hit-card blockquote").all_inner_texts()
    numbers = {
        name: next((at for at, hit in enumerate(hits, 1) if phrase in hit), 1)
        for name, phrase in phrases.items()
    }
    studio.site.model.answers.append(answer.format(**numbers))
    page.goto(f"/w/{slug}/ask")
    page.fill(".composer textarea", question)
    page.keyboard.press("Enter")
    page.locator(".turn[data-state=complete]").wait_for()
    return page.url


# --- pictures -------------------------------------------------------------------------------------
def _take(studio: Studio, conversations: dict[str, str]) -> None:
    _chats(studio, conversations)
    views: dict[str, tuple[str, Callable[[Page], None] | None]] = {
        "home": ("/", None),
        "documents": ("/w/procurement/documents", _to_supplier_contracts),
        "search": ("/w/procurement/search?q=notice+to+terminate", None),
        "ledger": ("/w/procurement/documents", _to_ledger),
        "failed": ("/w/procurement/documents", _to_failed),
        "passages": ("/w/procurement/documents", _to_passages),
        "preview": ("/w/procurement/documents", _to_preview),
    }
    for name, (address, then) in views.items():
        for language, scheme in (("en", "light"), ("zh", "dark")):
            _view(studio, f"{name}-{language}-{scheme}", address, then, language, scheme=scheme)
    for name in ("home", "documents"):
        address, then = views[name]
        _view(studio, f"{name}-zh-390", address, then, "zh", scheme="light", narrow=True)


def _chats(studio: Studio, conversations: dict[str, str]) -> None:
    for language, scheme in (("en", "light"), ("zh", "light"), ("zh", "dark")):
        address = conversations[language]
        _view(studio, f"chat-{language}-{scheme}", address, None, language, scheme=scheme)
        if (language, scheme) != ("zh", "dark"):
            name = f"reader-{language}-{scheme}"
            _view(studio, name, address, _open_first_citation, language, scheme=scheme)
    address = conversations["zh"]
    _view(studio, "chat-zh-390", address, None, "zh", scheme="light", narrow=True)
    _view(studio, "evidence-zh-390", address, _tap_first, "zh", scheme="light", narrow=True)


def _view(
    studio: Studio,
    name: str,
    address: str,
    then: Callable[[Page], None] | None,
    language: str,
    **look: Any,
) -> None:
    options = {"color_scheme": look.get("scheme", "light"), "narrow": look.get("narrow", False)}
    with studio.page(**options) as page:
        _speak(page, "zh-hans" if language == "zh" else "en")
        page.goto(address)
        page.wait_for_load_state("networkidle")
        if then is not None:
            then(page)
        _shot(page, name)


def _speak(page: Page, language: str) -> None:
    page.goto("/me")
    if page.locator("html").get_attribute("lang") != language:
        with page.expect_navigation():
            button = page.locator(f"#user-menu button[value={language}]")
            button.evaluate("button => button.click()")


def _to_supplier_contracts(page: Page) -> None:
    link = page.locator(".side .sub a", has_text="Supplier contracts")
    page.goto(str(link.get_attribute("href")))
    page.wait_for_load_state("networkidle")


def _to_document(page: Page) -> None:
    _to_supplier_contracts(page)
    link = page.locator(".doc-name", has_text="Frame agreement cooling")
    page.goto(str(link.get_attribute("href")))
    page.wait_for_load_state("networkidle")


def _to_ledger(page: Page) -> None:
    _to_document(page)
    page.locator("[data-details]:visible").first.click()


def _to_failed(page: Page) -> None:
    _to_supplier_contracts(page)
    page.goto(f"{page.url.partition('?')[0]}?state=failed")
    page.wait_for_load_state("networkidle")


def _to_passages(page: Page) -> None:
    _to_document(page)
    page.goto(f"{page.url.partition('?')[0]}/passages")
    page.wait_for_load_state("networkidle")


def _to_preview(page: Page) -> None:
    """Smaller passages, tried on a document before anything is embedded."""
    _to_supplier_contracts(page)
    page.goto(f"{page.url.partition('?')[0].rstrip('/')}/cutting")
    page.fill("main input[name=size]", "120")
    page.locator("main form select").first.select_option(index=1)
    page.locator("main form button.primary").first.click()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)


def _open_first_citation(page: Page) -> None:
    page.locator(".answer button.cite").first.click()
    page.locator("kb-reader[data-ready]").wait_for()
    page.mouse.move(420, 690)
    page.wait_for_timeout(900)


def _tap_first(page: Page) -> None:
    page.locator(".answer button.cite").first.tap()
    page.wait_for_timeout(500)


def _shot(page: Page, name: str) -> None:
    page.wait_for_timeout(300)
    page.screenshot(path=IMAGES / f"{name}.png")
    sys.stdout.write(f"docs/images/{name}.png\n")


if __name__ == "__main__":
    sys.exit(main())
