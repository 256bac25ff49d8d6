/** One question with its answer on the page. The same element lives from the first word to the last rating. */

import { el, icon } from "./dom";
import type { Source } from "./frames";
import { enrich, rendered, withoutLooseEnd } from "./markdown";
import { fade, head, hidePeek, languageOf, path, quote, showPeek } from "./quotes";
import { number, t } from "./strings";
import { tie } from "./tie";
import type { Turn } from "./turns";

export interface TurnActions {
  cite: (turn: Turn, source: Source) => void;
  evidence: (turn: Turn) => void;
  regenerate: (turn: Turn) => void;
  edit: (turn: Turn, text: string) => void;
  branch: (turn: Turn, step: number) => void;
  rate: (turn: Turn, rating: string, reason: string) => Promise<boolean>;
  copy: (turn: Turn) => Promise<void>;
  siblings: (turn: Turn) => Turn[];
}

export class TurnView {
  readonly element = el("article", { class: "turn" });
  private readonly questionBox = el("div", { class: "ask-box" });
  private readonly thinkingText = el("div", {});
  private readonly thinking = el(
    "details",
    { class: "thinking", hidden: true },
    el("summary", {}, t("thinking")),
    this.thinkingText,
  );
  private readonly answer = el("div", { class: "answer" });
  private readonly notes = el("div", { class: "stack" });
  private readonly tools = el("div", { class: "tools" });
  private isEditing = false;
  private frame = 0;

  constructor(
    readonly turn: Turn,
    private readonly actions: TurnActions,
  ) {
    this.element.append(this.questionBox, this.thinking, this.answer, this.notes, this.tools);
    this.answer.addEventListener("mouseover", this.onPeek);
    this.answer.addEventListener("focusin", this.onPeek);
    this.answer.addEventListener("mouseout", hidePeek);
    this.answer.addEventListener("focusout", hidePeek);
    this.answer.addEventListener("click", this.onClick);
    this.update();
  }

  /** Draw again before the next frame: tokens come faster than a screen shows them. */
  later(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.drawAnswer();
    });
  }

  update(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.element.id = `turn-${this.turn.id}`;
    this.element.dataset["state"] = this.turn.state;
    if (!this.isEditing) this.drawQuestion();
    this.drawAnswer();
    this.drawNotes();
    this.drawTools();
  }

  /** Mark the citations of the source in hand. */
  mark(numberInHand: number): void {
    for (const chip of this.answer.querySelectorAll<HTMLElement>("button.cite")) {
      if (Number(chip.dataset["number"]) === numberInHand) chip.setAttribute("aria-current", "true");
      else chip.removeAttribute("aria-current");
    }
  }

  private get isLive(): boolean {
    return this.turn.state === "waiting" || this.turn.state === "running";
  }

  // --- the question ---------------------------------------------------------------------------

  private drawQuestion(): void {
    const siblings = this.actions.siblings(this.turn);
    const tools = el("div", { class: `ask-tools${siblings.length > 1 ? " stays" : ""}` });
    if (siblings.length > 1) tools.append(this.branches(siblings));
    if (!this.isLive && this.turn.state !== "withheld")
      tools.append(tool("edit", t("edit"), () => this.startEditing()));
    const ask = el("div", { class: "ask", lang: languageOf(this.turn.question) }, this.turn.question);
    this.questionBox.replaceChildren(el("h2", { class: "sr" }, t("you_asked")), ask, tools);
    if (this.turn.state === "withheld") ask.hidden = true;
  }

  private branches(siblings: Turn[]): HTMLElement {
    const at = siblings.indexOf(this.turn);
    const step = (by: number, name: string, label: string): HTMLElement =>
      el(
        "button",
        {
          class: "btn ghost s icon",
          type: "button",
          "aria-label": label,
          disabled: !siblings[at + by],
          onclick: () => this.actions.branch(this.turn, by),
        },
        icon(name),
      );
    const words = el(
      "span",
      { "aria-label": t("branch_of", { at: String(at + 1), all: String(siblings.length) }) },
      `${at + 1}/${siblings.length}`,
    );
    return el(
      "span",
      { class: "branches" },
      step(-1, "prev", t("branch_previous")),
      words,
      step(1, "next", t("branch_next")),
    );
  }

  private startEditing(): void {
    this.isEditing = true;
    const area = el("textarea", { rows: 3, "aria-label": t("edit_question"), maxlength: 8000 });
    area.value = this.turn.question;
    const stop = (): void => {
      this.isEditing = false;
      this.drawQuestion();
    };
    const send = (): void => {
      const text = area.value.trim();
      stop();
      if (text && text !== this.turn.question) this.actions.edit(this.turn, text);
    };
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") stop();
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        send();
      }
      event.stopPropagation();
    });
    const buttons = el(
      "div",
      { class: "form-actions" },
      el("button", { class: "btn primary s", type: "button", onclick: send }, t("ask_again")),
      el("button", { class: "btn s", type: "button", onclick: stop }, t("cancel")),
    );
    this.questionBox.replaceChildren(el("div", { class: "edit-box" }, area, buttons));
    area.focus();
  }

  // --- the answer -----------------------------------------------------------------------------

  private drawAnswer(): void {
    const { turn } = this;
    this.thinking.hidden = !turn.thinking;
    if (turn.thinking) this.thinkingText.textContent = turn.thinking;
    this.answer.classList.toggle("streaming", this.isLive && turn.answer !== "");
    this.answer.lang = languageOf(turn.answer || turn.question);
    this.answer.hidden = turn.state === "withheld" || (turn.state === "refused" && turn.sources.length > 0);
    if (this.isLive && !turn.answer) {
      const words =
        turn.last < 1
          ? t("searching")
          : turn.thinking
            ? t("thinking_now")
            : t("reading_sources", { n: turn.sources.length });
      this.answer.replaceChildren(el("div", { class: "waiting" }, words));
      return;
    }
    const text = this.isLive ? withoutLooseEnd(turn.answer) : turn.answer;
    const fragment = rendered(text, {
      sources: Math.max(turn.sources.length, ...turn.sources.map((s) => s.number)),
      unsupported: turn.unsupported,
      doubtTitle: t("doubt_title"),
    });
    this.chips(fragment);
    exchange(this.answer, fragment);
    if (!this.isLive) void enrich(this.answer);
  }

  private chips(fragment: DocumentFragment): void {
    for (const mark of fragment.querySelectorAll<HTMLElement>("span[data-cite]")) {
      const n = mark.dataset["cite"] ?? "";
      const source = this.source(Number(n));
      const label = source
        ? t("source_label", { number: n, name: source.document_name, page: source.page ? String(source.page) : "–" })
        : n;
      const chip = el("button", { class: "cite", type: "button", "data-number": n, "aria-label": label }, n);
      mark.replaceWith(chip);
      tie(chip);
    }
  }

  private source(n: number): Source | undefined {
    return this.turn.sources.find((source) => source.number === n);
  }

  private chipOf(event: Event): [HTMLElement, Source] | null {
    const chip = event.target instanceof Element ? event.target.closest<HTMLElement>("button.cite") : null;
    const source = chip ? this.source(Number(chip.dataset["number"])) : undefined;
    return chip && source ? [chip, source] : null;
  }

  private onPeek = (event: Event): void => {
    const found = this.chipOf(event);
    if (found && matchMedia("(hover: hover)").matches) showPeek(found[1], found[0]);
  };

  private onClick = (event: Event): void => {
    const found = this.chipOf(event);
    if (!found) return;
    hidePeek();
    this.actions.cite(this.turn, found[1]);
  };

  // --- what there is to know about it ---------------------------------------------------------

  private drawNotes(): void {
    const { turn } = this;
    const notes: HTMLElement[] = [];
    if (turn.state === "withheld")
      notes.push(el("div", { class: "note info" }, icon("lock"), " ", turn.message || t("withheld")));
    if (turn.state === "refused") notes.push(this.refusal());
    if (turn.state === "stopped") notes.push(el("p", { class: "small faint" }, t("stopped")));
    if (turn.state === "failed") notes.push(this.failure());
    if (turn.state === "complete" && turn.unsupported.length)
      notes.push(el("div", { class: "note" }, t("doubt_note", { n: turn.unsupported.length })));
    this.notes.replaceChildren(...notes);
    requestAnimationFrame(() => fade(this.notes));
  }

  private failure(): HTMLElement {
    const retry = el(
      "button",
      { class: "btn s", type: "button", onclick: () => this.actions.regenerate(this.turn) },
      icon("again"),
      t("retry"),
    );
    return el(
      "div",
      { class: "note bad", role: "alert" },
      el("div", { class: "row between wrap" }, el("span", {}, this.turn.message || t("failed")), retry),
    );
  }

  private refusal(): HTMLElement {
    const closest = this.turn.sources.slice(0, 3);
    const item = (source: Source): HTMLElement => {
      const text = quote(source);
      return el(
        "li",
        {},
        el(
          "button",
          { type: "button", onclick: () => this.actions.cite(this.turn, source) },
          head({ ...source, url: "" }),
          path(source),
          text,
        ),
      );
    };
    const words = closest.length ? this.turn.answer || t("refused") : t("refused");
    return el(
      "div",
      { class: "refusal" },
      el("h3", { lang: languageOf(words) }, words),
      closest.length
        ? el("p", { class: "small quiet" }, t("refused_closest"))
        : el("p", { class: "small quiet" }, t("refused_nothing")),
      closest.length ? el("ul", {}, ...closest.map(item)) : null,
    );
  }

  // --- what can be done with it ---------------------------------------------------------------

  private drawTools(): void {
    const { turn } = this;
    this.tools.hidden = this.isLive || turn.state === "withheld";
    if (this.tools.hidden) return;
    const rate = (rating: "helpful" | "not_helpful", name: string, label: string): HTMLElement => {
      const isOn = turn.rating === rating;
      const button = tool(name, label, () => void this.rate(isOn ? "" : rating));
      button.setAttribute("aria-pressed", String(isOn));
      return button;
    };
    const copy = tool("copy", t("copy"), () => void this.copied(copy));
    const parts: HTMLElement[] = [];
    if (turn.answer) parts.push(copy);
    if (turn.state !== "failed") parts.push(tool("again", t("regenerate"), () => this.actions.regenerate(turn)));
    if (turn.state === "complete" || turn.state === "refused")
      parts.push(rate("helpful", "thumb-up", t("helpful")), rate("not_helpful", "thumb-down", t("not_helpful")));
    this.tools.replaceChildren(...parts, el("span", { class: "grow" }), this.meta());
  }

  private meta(): HTMLElement {
    const { turn } = this;
    const words: string[] = [];
    if (turn.sources.length) words.push(told(turn));
    if (turn.tookMs) words.push(t("took", { seconds: number(Math.round(turn.tookMs / 100) / 10) }));
    const show = (): void => this.actions.evidence(turn);
    return turn.sources.length
      ? el("button", { class: "btn ghost s meta", type: "button", onclick: show }, words.join(" · "))
      : el("span", { class: "meta" }, words.join(" · "));
  }

  private async copied(button: HTMLElement): Promise<void> {
    await this.actions.copy(this.turn);
    button.replaceChildren(icon("check"));
    setTimeout(() => button.replaceChildren(icon("copy")), 1500);
  }

  private async rate(rating: "helpful" | "not_helpful" | ""): Promise<void> {
    if (!(await this.actions.rate(this.turn, rating, ""))) return;
    this.turn.rating = rating;
    this.drawTools();
    this.notes.querySelector(".rate-form")?.remove();
    if (rating === "not_helpful") this.notes.append(this.reasonForm());
  }

  private reasonForm(): HTMLElement {
    const area = el("textarea", {
      name: "reason",
      maxlength: 1000,
      placeholder: t("reason_example"),
      "aria-label": t("reason"),
    });
    const form = el(
      "form",
      { class: "rate-form" },
      el("label", { class: "label" }, t("reason")),
      area,
      el(
        "div",
        { class: "row" },
        el("button", { class: "btn primary s" }, t("send_reason")),
        el("button", { class: "btn ghost s", type: "button", onclick: () => form.remove() }, t("skip")),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.actions.rate(this.turn, "not_helpful", area.value.trim()).then((isKept) => {
        if (isKept) form.replaceChildren(el("p", { class: "small quiet", role: "status" }, t("reason_thanks")));
      });
    });
    return form;
  }
}

/** "3 sources" once it is known which were used; before that how many were found. */
export function told(turn: Turn): string {
  const isUsed = turn.state === "complete" && turn.cited.length > 0;
  return isUsed ? t("sources_count", { n: turn.cited.length }) : t("sources_found", { n: turn.sources.length });
}

function tool(name: string, label: string, onclick: () => void): HTMLButtonElement {
  return el(
    "button",
    { class: "btn ghost s icon", type: "button", "aria-label": label, title: label, onclick },
    icon(name),
  );
}

/** Put new blocks in place of those that differ: what did not change keeps its selection and focus. */
export function exchange(box: HTMLElement, fragment: DocumentFragment): void {
  const before = [...box.childNodes];
  const after = [...fragment.childNodes].filter((node) => !(node instanceof Text && !node.data.trim()));
  after.forEach((node, i) => {
    const old = before[i];
    if (!old) box.append(node);
    else if (!old.isEqualNode(node)) old.replaceWith(node);
  });
  for (const old of before.slice(after.length)) old.remove();
}
