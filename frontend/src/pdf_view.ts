/** The pages of a PDF below each other: drawn when they come near, forgotten when they are far. */

import {
  getDocument,
  GlobalWorkerOptions,
  type PDFDocumentProxy,
  type PDFPageProxy,
  type RenderTask,
  TextLayer,
} from "pdfjs-dist/legacy/build/pdf.mjs";
import { el } from "./dom";
import { t } from "./strings";

export type Box = [page: number, x0: number, y0: number, x1: number, y1: number];

const NEAR = "800px 0px";
/** Canvases that are kept; a page at 150% on a sharp screen is some 20 MB. */
const MOST_DRAWN = 10;
const WIDEST = 1100;
/** Around a marked passage, in fractions of the page. */
const MARGIN = 0.006;

class Page {
  readonly element: HTMLElement;
  private task: RenderTask | null = null;
  private drawnAt = 0;
  private proxy: PDFPageProxy | null = null;
  private waiting: Promise<void> | null = null;

  constructor(
    readonly number: number,
    private readonly pdf: PDFDocumentProxy,
    private size: { width: number; height: number },
  ) {
    this.element = el("div", {
      class: "pdf-page",
      role: "region",
      "aria-label": t("reader_page_label", { page: String(number) }),
      "data-page": number,
    });
  }

  get isDrawn(): boolean {
    return this.drawnAt > 0;
  }

  layOut(scale: number): void {
    this.element.style.width = `${Math.floor(this.size.width * scale)}px`;
    this.element.style.height = `${Math.floor(this.size.height * scale)}px`;
    this.element.style.setProperty("--total-scale-factor", String(scale));
  }

  /** Draw at this scale, once however often it is asked for. */
  async draw(scale: number): Promise<void> {
    if (this.drawnAt === scale) return this.waiting ?? undefined;
    this.task?.cancel();
    this.drawnAt = scale;
    this.waiting = this.drawn(scale);
    await this.waiting;
  }

  private async drawn(scale: number): Promise<void> {
    const page = (this.proxy ??= await this.pdf.getPage(this.number));
    const viewport = page.getViewport({ scale });
    this.size = { width: viewport.width / scale, height: viewport.height / scale };
    this.layOut(scale);
    const sharpness = Math.min(2, devicePixelRatio || 1);
    const canvas = el("canvas", {
      width: Math.floor(viewport.width * sharpness),
      height: Math.floor(viewport.height * sharpness),
      "aria-hidden": "true",
    });
    this.task = page.render({ canvas, viewport, transform: [sharpness, 0, 0, sharpness, 0, 0] });
    try {
      await this.task.promise;
    } catch (error) {
      if ((error as Error).name === "RenderingCancelledException") return;
      throw error;
    }
    const layer = el("div", { class: "textLayer" });
    this.element.querySelectorAll("canvas, .textLayer").forEach((old) => old.remove());
    this.element.prepend(canvas, layer);
    await new TextLayer({ textContentSource: page.streamTextContent(), container: layer, viewport }).render();
  }

  forget(): void {
    this.task?.cancel();
    this.drawnAt = 0;
    this.waiting = null;
    this.element.querySelectorAll("canvas, .textLayer").forEach((old) => old.remove());
    this.proxy?.cleanup();
  }

  /** Mark boxes, and put one frame around them all. */
  mark(boxes: Box[]): HTMLElement | null {
    this.element.querySelectorAll(".hit, .hit-frame").forEach((old) => old.remove());
    if (!boxes.length) return null;
    for (const [, x0, y0, x1, y1] of boxes) this.element.append(placed("hit", x0, y0, x1, y1));
    const xs = boxes.flatMap((box) => [box[1], box[3]]);
    const ys = boxes.flatMap((box) => [box[2], box[4]]);
    const frame = placed(
      "hit-frame",
      Math.min(...xs) - MARGIN,
      Math.min(...ys) - MARGIN,
      Math.max(...xs) + MARGIN,
      Math.max(...ys) + MARGIN,
    );
    frame.setAttribute("role", "note");
    frame.setAttribute("aria-label", t("reader_cited"));
    this.element.append(frame);
    return frame;
  }

  async text(): Promise<string> {
    const page = (this.proxy ??= await this.pdf.getPage(this.number));
    const content = await page.getTextContent();
    return content.items.map((item) => ("str" in item ? item.str : "")).join("");
  }
}

function placed(name: string, x0: number, y0: number, x1: number, y1: number): HTMLElement {
  const box = el("div", { class: name });
  const percent = (share: number): string => `${(Math.min(1, Math.max(0, share)) * 100).toFixed(3)}%`;
  box.style.left = percent(x0);
  box.style.top = percent(y0);
  box.style.width = percent(x1 - x0);
  box.style.height = percent(y1 - y0);
  return box;
}

export class PdfView {
  private pages: Page[] = [];
  private pdf: PDFDocumentProxy | null = null;
  private zoom = 1;
  private width = 600;
  private readonly near = new Set<Page>();
  private readonly nearby: IntersectionObserver;
  private readonly resized: ResizeObserver;
  private readonly passed: () => void;
  private at = 1;

  constructor(
    private readonly box: HTMLElement,
    private readonly onPage: (page: number) => void,
  ) {
    this.nearby = new IntersectionObserver((entries) => this.seen(entries), { root: box, rootMargin: NEAR });
    this.resized = new ResizeObserver(() => this.fit());
    this.passed = () => this.passing();
  }

  get count(): number {
    return this.pages.length;
  }

  async open(url: string, assets: string): Promise<void> {
    GlobalWorkerOptions.workerSrc = `${assets}worker.js`;
    const task = getDocument({
      url,
      cMapUrl: `${assets}cmaps/`,
      standardFontDataUrl: `${assets}standard_fonts/`,
      wasmUrl: `${assets}wasm/`,
      iccUrl: `${assets}iccs/`,
      // Pages are fetched in ranges as they are read: the first is there long before a big file is.
      disableAutoFetch: true,
      disableStream: true,
      rangeChunkSize: 256 * 1024,
      verbosity: 0,
    });
    this.pdf = await task.promise;
    const first = (await this.pdf.getPage(1)).getViewport({ scale: 1 });
    for (let number = 1; number <= this.pdf.numPages; number += 1)
      this.pages.push(new Page(number, this.pdf, { width: first.width, height: first.height }));
    this.width = first.width;
    this.box.replaceChildren(...this.pages.map((page) => page.element));
    this.layOut();
    for (const page of this.pages) this.nearby.observe(page.element);
    this.resized.observe(this.box);
    this.box.addEventListener("scroll", this.passed, { passive: true });
  }

  close(): void {
    this.nearby.disconnect();
    this.resized.disconnect();
    this.box.removeEventListener("scroll", this.passed);
    void this.pdf?.loadingTask.destroy();
  }

  private get scale(): number {
    const room = Math.min(WIDEST, this.box.clientWidth - 2 * parseFloat(getComputedStyle(this.box).paddingLeft || "0"));
    return Math.max(0.2, (room / this.width) * this.zoom);
  }

  /** Make pages larger or smaller; 0 fits them to the width again. */
  zoomBy(factor: number): void {
    this.zoom = factor ? Math.min(4, Math.max(0.4, this.zoom * factor)) : 1;
    this.relay();
  }

  private lastWidth = 0;
  private timer = 0;

  /** The pane became wider or narrower: keep the place, draw again when it has settled. */
  private fit(): void {
    if (this.box.clientWidth === this.lastWidth || !this.box.clientWidth) return;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.relay(), 120);
  }

  private relay(): void {
    const page = this.pages[this.at - 1];
    const share = page ? (this.box.scrollTop - page.element.offsetTop) / (page.element.offsetHeight || 1) : 0;
    this.layOut();
    if (page) this.box.scrollTop = page.element.offsetTop + share * page.element.offsetHeight;
    for (const each of this.near) void each.draw(this.scale);
  }

  private layOut(): void {
    this.lastWidth = this.box.clientWidth;
    for (const page of this.pages) page.layOut(this.scale);
  }

  private seen(entries: IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const page = this.pages[Number((entry.target as HTMLElement).dataset["page"]) - 1];
      if (!page) continue;
      if (entry.isIntersecting) {
        this.near.add(page);
        void page.draw(this.scale);
      } else this.near.delete(page);
    }
    const far = this.pages.filter((page) => page.isDrawn && !this.near.has(page));
    if (far.length + this.near.size > MOST_DRAWN) for (const page of far) page.forget();
  }

  private passing(): void {
    const middle = this.box.scrollTop + this.box.clientHeight / 3;
    let low = 0;
    let high = this.pages.length - 1;
    while (low < high) {
      const half = (low + high + 1) >> 1;
      if (this.pages[half]!.element.offsetTop <= middle) low = half;
      else high = half - 1;
    }
    if (this.at === low + 1) return;
    this.at = low + 1;
    this.onPage(this.at);
  }

  goTo(number: number): void {
    const page = this.pages[Math.min(this.count, Math.max(1, number)) - 1];
    if (page) this.box.scrollTop = page.element.offsetTop - 12;
  }

  /** Turn to a passage and mark it; without boxes only to its page. */
  show(number: number, boxes: Box[]): void {
    let first: HTMLElement | null = null;
    for (const page of this.pages) {
      const frame = page.mark(boxes.filter((box) => box[0] === page.number));
      first ??= frame;
    }
    this.goTo(boxes[0]?.[0] ?? number);
    if (!first) return;
    const page = first.parentElement!;
    const top = page.offsetTop + first.offsetTop;
    this.box.scrollTop = Math.max(0, top - Math.max(40, (this.box.clientHeight - first.offsetHeight) / 3));
  }

  textOf(number: number): Promise<string> {
    return this.pages[number - 1]?.text() ?? Promise.resolve("");
  }

  /** The page's text layer, drawn. */
  async layer(number: number): Promise<HTMLElement | null> {
    const page = this.pages[number - 1];
    if (!page) return null;
    await page.draw(this.scale);
    return page.element.querySelector<HTMLElement>(".textLayer");
  }
}
