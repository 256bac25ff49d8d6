/** The reader beside the answer: fetched when a source is opened, in the same window, with a border to drag. */

import { el, icon } from "./dom";
import type { Source } from "./frames";
import { t } from "./strings";

const KEPT = "footnote.reader.share";
const STEP = 0.04;

/** What <kb-reader> offers; its code arrives with the first document. */
interface Reader extends HTMLElement {
  show(page: number | null, boxes: Source["boxes"]): void;
}

export class Beside {
  private pane: HTMLElement | null = null;
  private splitter: HTMLElement | null = null;
  private document = "";
  private before: HTMLElement | null = null;

  constructor(
    private readonly app: HTMLElement,
    private readonly onClose: () => void,
  ) {}

  get isOpen(): boolean {
    return this.pane !== null;
  }

  /** Open a source; a document that is open already only turns to the passage. */
  async open(source: Source, sources: Source[], choose: (source: Source) => void): Promise<void> {
    this.before ??= window.document.activeElement as HTMLElement | null;
    const body = this.body();
    this.head(source, sources, choose);
    const url = new URL(source.url, location.origin);
    const key = `${url.pathname}?v=${url.searchParams.get("v") ?? ""}`;
    const reader = body.querySelector<Reader>("kb-reader");
    if (reader?.dataset["kind"] === "pdf" && key === this.document) {
      reader.show(source.page, source.boxes);
      return;
    }
    this.document = key;
    body.replaceChildren(el("p", { class: "waiting evidence-wait" }, t("reader_opening")));
    await this.fill(body, source.url, key);
  }

  close(): void {
    if (!this.pane) return;
    this.pane.remove();
    this.splitter?.remove();
    this.pane = this.splitter = null;
    this.document = "";
    this.app.classList.remove("with-reader");
    this.before?.focus();
    this.before = null;
    this.onClose();
  }

  private async fill(body: HTMLElement, url: string, key: string): Promise<void> {
    const [response] = await Promise.all([fetch(url, { headers: { "HX-Request": "true" } }), import("./reader")]).catch(
      () => [null],
    );
    if (key !== this.document) return; // another source was opened meanwhile
    if (!response?.ok) {
      this.document = "";
      body.replaceChildren(
        el("div", { class: "reader-note" }, t(response?.status === 404 ? "reader_gone" : "reader_failed")),
      );
      return;
    }
    // The server's own template, escaped there.
    body.innerHTML = await response.text();
  }

  private body(): HTMLElement {
    if (!this.pane) {
      this.splitter = this.makeSplitter();
      this.pane = el(
        "section",
        { class: "beside", "aria-label": t("reader") },
        el("header", { class: "bar" }),
        el("div", { class: "beside-body" }),
      );
      this.app.append(this.splitter, this.pane);
      this.app.classList.add("with-reader");
      this.share(Number(localStorage.getItem(KEPT)) || 0.535);
    }
    return this.pane.querySelector<HTMLElement>(".beside-body")!;
  }

  private head(source: Source, sources: Source[], choose: (source: Source) => void): void {
    const chip = (each: Source): HTMLElement =>
      el(
        "button",
        {
          class: "cite",
          type: "button",
          "aria-current": each.number === source.number ? "true" : null,
          "aria-label": t("source_label", {
            number: String(each.number),
            name: each.document_name,
            page: each.page ? String(each.page) : "–",
          }),
          onclick: () => choose(each),
        },
        String(each.number),
      );
    const close = el(
      "button",
      {
        class: "btn ghost s icon",
        type: "button",
        "aria-label": t("reader_close"),
        title: t("reader_close"),
        onclick: () => this.close(),
      },
      icon("close"),
    );
    this.pane!.querySelector(".bar")!.replaceChildren(
      el("span", { class: "row beside-chips" }, ...sources.map(chip)),
      el("h2", { class: "grow ellipsis", title: source.document_name }, source.document_name),
      el(
        "a",
        { class: "btn ghost s icon", href: source.url, "aria-label": t("reader_page"), title: t("reader_page") },
        icon("open"),
      ),
      close,
    );
  }

  // --- the border between answer and reader -----------------------------------------------------

  private makeSplitter(): HTMLElement {
    const border = el("div", {
      class: "splitter",
      role: "separator",
      tabindex: 0,
      "aria-orientation": "vertical",
      "aria-label": t("splitter"),
      "aria-valuemin": 25,
      "aria-valuemax": 75,
    });
    border.addEventListener("pointerdown", (event) => {
      border.setPointerCapture(event.pointerId);
      const move = (at: PointerEvent): void => this.share(1 - at.clientX / innerWidth);
      border.addEventListener("pointermove", move);
      border.addEventListener("pointerup", () => border.removeEventListener("pointermove", move), { once: true });
    });
    border.addEventListener("keydown", (event) => {
      const step = event.key === "ArrowLeft" ? STEP : event.key === "ArrowRight" ? -STEP : 0;
      if (step) this.share(Number(border.getAttribute("aria-valuenow")) / 100 + step);
    });
    return border;
  }

  private share(wanted: number): void {
    const share = Math.min(0.75, Math.max(0.25, wanted));
    this.app.style.setProperty("--reader", `${(share / (1 - share)).toFixed(4)}fr`);
    this.splitter?.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    localStorage.setItem(KEPT, share.toFixed(3));
  }
}
