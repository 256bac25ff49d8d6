/** <kb-reader>: a document opened at a passage. PDF pages, or the text with its structure. */

import { isTyping } from "./dom";
import { count, paint, rangesOf, unpaint } from "./find_text";
import { type Box, PdfView } from "./pdf_view";
import "./passages";
import { t } from "./strings";

interface Place {
  page: number;
  nth: number;
}

export class KbReader extends HTMLElement {
  private view: PdfView | null = null;
  private places: Place[] = [];
  private here = -1;
  private words = "";
  private texts: string[] = [];

  connectedCallback(): void {
    this.addEventListener("click", this.onClick);
    this.addEventListener("keydown", this.onKey);
    document.addEventListener("keydown", this.onShortcut);
    this.field("find")?.addEventListener("input", this.onFind);
    this.field("page")?.addEventListener("change", () => this.view?.goTo(Number(this.field("page")?.value) || 1));
    if (this.dataset["kind"] === "pdf") void this.openPdf();
    else this.openText();
  }

  private openText(): void {
    const turn = (): void => this.box.querySelector(".cited")?.scrollIntoView({ block: "center" });
    turn();
    // A picture takes its room only once it is there.
    this.box.querySelector<HTMLImageElement>(".picture img")?.addEventListener("load", turn, { once: true });
    this.dataset["ready"] = "true";
  }

  disconnectedCallback(): void {
    this.view?.close();
    document.removeEventListener("keydown", this.onShortcut);
    unpaint();
  }

  /** Turn to another passage of the same PDF. */
  show(page: number | null, boxes: Box[]): void {
    this.dataset["boxes"] = JSON.stringify(boxes);
    this.dataset["page"] = String(page ?? 1);
    this.view?.show(page ?? 1, boxes);
  }

  private get box(): HTMLElement {
    return this.querySelector<HTMLElement>(".reader-scroll")!;
  }

  private field(name: string): HTMLInputElement | null {
    return this.querySelector<HTMLInputElement>(`input[name="${name}"]`);
  }

  private async openPdf(): Promise<void> {
    const view = new PdfView(this.box, (page) => this.turned(page));
    try {
      await view.open(this.dataset["src"] ?? "", this.dataset["assets"] ?? "");
    } catch (error) {
      console.warn("the pages cannot be drawn:", error instanceof Error ? error.name : "");
      await this.fallBack();
      return;
    }
    if (!this.isConnected) return view.close();
    this.view = view;
    const total = this.querySelector("[data-pages]");
    if (total) total.textContent = t("reader_page_of", { pages: String(view.count) });
    const field = this.field("page");
    if (field) field.max = String(view.count);
    const page = Number(this.dataset["page"]) || 1;
    this.turned(page);
    view.show(page, JSON.parse(this.dataset["boxes"] || "[]") as Box[]);
    this.dataset["ready"] = "true";
  }

  /** A PDF that cannot be drawn: the text as it was read, which is what is cited anyway. */
  private async fallBack(): Promise<void> {
    const response = await fetch(this.dataset["text"] ?? "", { headers: { "HX-Request": "true" } }).catch(() => null);
    const note = document.createElement("p");
    note.className = "note bad";
    note.textContent = t("reader_broken");
    const text = document.createElement("div");
    // The server's own template, escaped there.
    if (response?.ok) text.innerHTML = await response.text();
    this.box.replaceChildren(note, text);
    this.dataset["kind"] = "text";
    for (const tool of this.querySelectorAll<HTMLElement>("[data-pdf-only]")) tool.hidden = true;
    this.openText();
  }

  private turned(page: number): void {
    const field = this.field("page");
    if (field && document.activeElement !== field) field.value = String(page);
  }

  private onClick = (event: Event): void => {
    const act =
      event.target instanceof Element ? event.target.closest<HTMLElement>("[data-act]")?.dataset["act"] : undefined;
    const at = Number(this.field("page")?.value) || 1;
    if (act === "previous") this.view?.goTo(at - 1);
    if (act === "next") this.view?.goTo(at + 1);
    if (act === "larger") this.view?.zoomBy(1.2);
    if (act === "smaller") this.view?.zoomBy(1 / 1.2);
    if (act === "fit") this.view?.zoomBy(0);
    if (act === "cited") this.toCited();
    if (act === "find-next") void this.step(1);
    if (act === "find-previous") void this.step(-1);
  };

  private toCited(): void {
    if (this.view)
      this.view.show(Number(this.dataset["page"]) || 1, JSON.parse(this.dataset["boxes"] || "[]") as Box[]);
    else this.box.querySelector(".cited")?.scrollIntoView({ block: "center", behavior: "smooth" });
  }

  private onKey = (event: KeyboardEvent): void => {
    if (event.target === this.field("find") && event.key === "Enter") {
      event.preventDefault();
      void this.step(event.shiftKey ? -1 : 1);
    }
  };

  private onShortcut = (event: KeyboardEvent): void => {
    // The browser's own find sees only the pages that are drawn.
    if ((event.metaKey || event.ctrlKey) && event.key === "f" && this.dataset["kind"] === "pdf") {
      event.preventDefault();
      this.field("find")?.select();
    } else if (!isTyping(event) && !event.metaKey && !event.ctrlKey && (event.key === "+" || event.key === "-")) {
      this.view?.zoomBy(event.key === "+" ? 1.2 : 1 / 1.2);
    }
  };

  // --- finding ------------------------------------------------------------------------------------

  private onFind = (): void => {
    const words = (this.field("find")?.value ?? "").trim();
    this.words = words;
    void this.search(words);
  };

  private async search(words: string): Promise<void> {
    this.places = [];
    this.here = -1;
    if (words)
      this.places = this.view
        ? await this.inPages(words)
        : rangesOf(this.box, words).map((_range, nth) => ({ page: 0, nth }));
    if (words !== this.words) return; // more letters came meanwhile
    if (this.places.length) await this.step(1);
    else {
      unpaint();
      this.tell(words ? t("reader_not_found") : "");
    }
  }

  private async inPages(words: string): Promise<Place[]> {
    const places: Place[] = [];
    for (let page = 1; page <= (this.view?.count ?? 0) && words === this.words; page += 1) {
      this.texts[page] ??= await this.view!.textOf(page);
      const found = count(this.texts[page] ?? "", words);
      for (let nth = 0; nth < found; nth += 1) places.push({ page, nth });
    }
    return places;
  }

  private async step(by: number): Promise<void> {
    if (!this.places.length) return;
    this.here = (this.here + by + this.places.length) % this.places.length;
    const place = this.places[this.here]!;
    this.tell(t("reader_found", { at: this.here + 1, n: this.places.length }));
    if (place.page) this.view?.goTo(place.page);
    const root = place.page ? await this.view?.layer(place.page) : this.box;
    if (!root) return;
    const ranges = rangesOf(root, this.words);
    const here = ranges[place.nth] ?? null;
    paint(ranges, here);
    if (!here) return;
    const top = here.getBoundingClientRect().top - this.box.getBoundingClientRect().top;
    this.box.scrollTop += top - this.box.clientHeight / 3;
  }

  private tell(words: string): void {
    const said = this.querySelector("[data-found]");
    if (said) said.textContent = words;
  }
}

customElements.define("kb-reader", KbReader);
