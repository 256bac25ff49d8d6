/** Passages as people see them: the quote with its matched words, where it stands, and a peek at it from a citation. */

import { el } from "./dom";
import type { Source } from "./frames";
import { t } from "./strings";

/** The language of a text, for its fonts and line height: Chinese when a tenth of it is. */
export function languageOf(text: string): "zh" | "en" {
  const some = text.slice(0, 400);
  const chinese = some.match(/[\u3400-\u9fff]/g)?.length ?? 0;
  return chinese * 10 > some.length ? "zh" : "en";
}

/** A stretch of a quote that answers to the question, or does not. */
interface Run {
  text: string;
  isMarked: boolean;
}

/** The quote as runs. Marks count characters, as the server does, not UTF-16 units. */
function runsOf(source: Source): Run[] {
  const points = Array.from(source.quote);
  const runs: Run[] = [];
  let at = 0;
  for (const [start, end] of source.marks) {
    if (start < at || end > points.length) continue;
    runs.push(
      { text: points.slice(at, start).join(""), isMarked: false },
      { text: points.slice(start, end).join(""), isMarked: true },
    );
    at = end;
  }
  runs.push({ text: points.slice(at).join(""), isMarked: false });
  return runs;
}

/** Runs cut wherever `divider` stands: lines of a quote, cells of a line. */
function cut(runs: Run[], divider: string): Run[][] {
  const parts: Run[][] = [[]];
  for (const run of runs) {
    run.text.split(divider).forEach((text, i) => {
      if (i > 0) parts.push([]);
      if (text) parts.at(-1)!.push({ ...run, text });
    });
  }
  return parts;
}

const nodes = (runs: Run[]): (Node | string)[] =>
  runs.map((run) => (run.isMarked ? el("mark", {}, run.text) : run.text));
const isRow = (runs: Run[]): boolean => runs.some((run) => run.text.includes(CELL));
/** Between the cells of a table, in the text of a passage. */
const CELL = " | ";

/** The quote with its marked words; lines that are rows of a table stand as one. */
export function quote(source: Source): HTMLElement {
  const box = el("blockquote", { lang: languageOf(source.quote) });
  let table: HTMLTableElement | null = null;
  for (const line of cut(runsOf(source), "\n")) {
    if (!isRow(line)) {
      table = null;
      box.append(el("p", {}, ...nodes(line)));
      continue;
    }
    if (!table) box.append((table = el("table", {}, el("tbody", {}))));
    table.tBodies[0]!.append(el("tr", {}, ...cut(line, CELL).map((cell) => el("td", {}, ...nodes(cell)))));
  }
  return box;
}

/** Say of each quote whether more of it is there than is shown. */
export function fade(root: ParentNode): void {
  for (const box of root.querySelectorAll<HTMLElement>("blockquote"))
    box.classList.toggle("longer", box.scrollHeight > box.clientHeight + 4);
}

/** "p. 7", or the nearest heading where a document has no pages. */
export function place(source: Source): string {
  return source.page ? t("page_short", { page: String(source.page) }) : "";
}

export function path(source: Source): HTMLElement | null {
  return source.headings.length ? el("div", { class: "path ellipsis" }, source.headings.slice(-3).join(" › ")) : null;
}

export function head(source: Source, onopen?: (event: Event) => void): HTMLElement {
  const name = source.document_name || t("document_gone");
  const link = source.url
    ? el("a", { class: "grow ellipsis", href: source.url, title: name, ...(onopen && { onclick: onopen }) }, name)
    : el("span", { class: "grow ellipsis small quiet" }, name);
  return el(
    "div",
    { class: "source-head" },
    el("span", { class: "cite" }, String(source.number)),
    link,
    el("span", { class: "xs faint num nowrap" }, place(source)),
  );
}

let peek: HTMLElement | null = null;

/** Show the passage beside a citation while it is hovered or focused. */
export function showPeek(source: Source, beside: HTMLElement): void {
  hidePeek();
  peek = el(
    "div",
    { class: "peek", id: "peek", role: "tooltip" },
    head(source),
    path(source),
    source.quote ? quote(source) : null,
  );
  document.body.append(peek);
  fade(peek);
  const at = beside.getBoundingClientRect();
  const box = peek.getBoundingClientRect();
  const top = at.bottom + 8 + box.height < innerHeight ? at.bottom + 8 : at.top - 8 - box.height;
  peek.style.left = `${Math.max(12, Math.min(at.left - 24, innerWidth - box.width - 12))}px`;
  peek.style.top = `${Math.max(8, top)}px`;
  beside.setAttribute("aria-describedby", "peek");
}

export function hidePeek(): void {
  peek?.remove();
  peek = null;
}
