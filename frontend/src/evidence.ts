/** The panel beside the thread: what an answer stands on, there before its first word. */

import { el, icon } from "./dom";
import type { Source } from "./frames";
import { fade, head, languageOf, path, quote } from "./quotes";
import { t } from "./strings";
import { told } from "./turn_view";
import { citedIn, type Turn } from "./turns";

export class Evidence {
  private shown: Turn | null = null;
  private current = 0;

  constructor(
    private readonly panel: HTMLElement,
    private readonly open: (source: Source, turn: Turn) => void,
  ) {
    panel.querySelector(".bar")?.addEventListener("click", () => this.toggle());
  }

  get turn(): Turn | null {
    return this.shown;
  }

  /** Fill the panel with the sources of a turn. */
  show(turn: Turn): void {
    if (this.shown !== turn) this.current = 0;
    this.shown = turn;
    this.panel.hidden = false;
    const list = this.panel.querySelector<HTMLElement>(".scroll")!;
    const top = list.scrollTop;
    list.replaceChildren(...this.content(turn));
    list.scrollTop = top;
    this.count(turn);
    this.mark();
    fade(list);
    for (const fold of list.querySelectorAll("details")) fold.addEventListener("toggle", () => fade(fold));
  }

  /** Bring one source into view and mark it as the one in hand. */
  select(number: number): void {
    this.current = number;
    this.mark();
    const card = this.panel.querySelector<HTMLElement>(`[data-number="${number}"]`);
    const fold = card?.closest("details");
    if (fold) fold.open = true;
    this.panel.classList.add("open");
    card?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  toggle(isOpen = !this.panel.classList.contains("open")): void {
    this.panel.classList.toggle("open", isOpen);
  }

  private mark(): void {
    for (const card of this.panel.querySelectorAll<HTMLElement>(".source")) {
      const isCurrent = Number(card.dataset["number"]) === this.current;
      if (isCurrent) card.setAttribute("aria-current", "true");
      else card.removeAttribute("aria-current");
      const chip = card.querySelector(".cite");
      if (isCurrent) chip?.setAttribute("aria-current", "true");
      else chip?.removeAttribute("aria-current");
    }
    fade(this.panel);
  }

  private count(turn: Turn): void {
    const figure = this.panel.querySelector<HTMLElement>("[data-count]");
    if (figure) figure.textContent = turn.sources.length ? told(turn) : "";
  }

  private content(turn: Turn): (HTMLElement | string)[] {
    if (!turn.sources.length) return [el("p", { class: "nothing" }, nothing(turn))];
    const isOver = turn.state !== "running" && turn.state !== "waiting";
    const cited = new Set(isOver ? turn.cited : citedIn(turn.answer));
    const isSplit = isOver && turn.state !== "refused" && cited.size > 0;
    const first = isSplit ? turn.sources.filter((source) => cited.has(source.number)) : turn.sources;
    const rest = isSplit ? turn.sources.filter((source) => !cited.has(source.number)) : [];
    const parts: HTMLElement[] = [];
    if (turn.note === "KEYWORD_ONLY") parts.push(el("p", { class: "note" }, t("note_keyword_only")));
    parts.push(...first.map((source) => this.card(source, turn)));
    if (rest.length) {
      const cards = el("div", {}, ...rest.map((source) => this.card(source, turn)));
      parts.push(el("details", { class: "more" }, el("summary", {}, t("sources_uncited", { n: rest.length })), cards));
    }
    if (turn.hidden) parts.push(el("p", { class: "xs faint more" }, t("sources_hidden", { n: turn.hidden })));
    return parts;
  }

  private card(source: Source, turn: Turn): HTMLElement {
    const open = (event: Event): void => {
      // A new tab stays possible: the name is a real link.
      if (event instanceof MouseEvent && (event.metaKey || event.ctrlKey || event.shiftKey)) return;
      if (!source.url || String(getSelection())) return;
      event.preventDefault();
      event.stopPropagation();
      this.select(source.number);
      this.open(source, turn);
    };
    const gone = source.quote ? null : el("p", { class: "xs faint" }, icon("trash"), " ", t("quote_gone"));
    const text = source.quote ? quote(source) : gone;
    return el(
      "article",
      { class: "source", "data-number": source.number, onclick: open },
      head(source, open),
      path(source),
      text,
      ...toldOf(source),
    );
  }
}

/** That a person had changed the passage, and what more the model was shown. */
function toldOf(source: Source): HTMLElement[] {
  const parts: HTMLElement[] = [];
  if (source.edited) {
    const { by, at, original } = source.edited;
    const on = new Date(at).toLocaleDateString(document.documentElement.lang);
    const words = { who: by || "–", on };
    const line = el("div", { class: "edited xs quiet" }, t(original ? "quote_edited" : "quote_added", words));
    if (original) line.append(fold("quote_original", original));
    parts.push(line);
  }
  if (source.around) parts.push(el("div", { class: "edited xs quiet" }, fold("quote_around", source.around)));
  return parts;
}

function fold(title: string, text: string): HTMLElement {
  const box = el("details", {}, el("summary", {}, t(title)), el("blockquote", { lang: languageOf(text) }, text));
  // A click opens the fold, not the document.
  box.addEventListener("click", (event) => event.stopPropagation());
  return box;
}

function nothing(turn: Turn): string {
  if (turn.state === "waiting" || turn.state === "running")
    return t(turn.last < 1 ? "sources_searching" : "sources_none");
  return t("sources_none");
}
