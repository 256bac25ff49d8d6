/** Where a question is written: it grows, Enter sends, and the words above it say what is searched. */

import { el } from "./dom";
import { number, t } from "./strings";

export type Mode = "chat" | "documents_only";

export interface Place {
  id: string;
  name: string;
  workspace: string;
}

export interface ScopeData {
  collections: Place[];
  chosen: string[];
  hidden: string[];
  workspace_name: string;
}

/** More names than this are counted instead of told. */
const MOST_NAMES = 4;

export class Composer {
  private readonly area: HTMLTextAreaElement;
  private readonly send: HTMLButtonElement;
  private chosen: Set<string>;
  private isRunning = false;

  constructor(
    form: HTMLFormElement,
    private readonly scopeBar: HTMLElement,
    private readonly data: ScopeData,
    private readonly on: { ask: (text: string) => void; stop: () => void },
  ) {
    this.area = form.querySelector("textarea")!;
    this.send = form.querySelector("button.send")!;
    this.chosen = new Set(data.chosen);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.isRunning) this.on.stop();
      else this.submit();
    });
    this.area.addEventListener("keydown", this.onKey);
    this.area.addEventListener("input", this.onInput);
    for (const box of document.querySelectorAll<HTMLInputElement>('#scope-menu input[type="checkbox"]')) {
      box.addEventListener("change", this.onChosen);
    }
    for (const radio of document.querySelectorAll<HTMLInputElement>('#mode-menu input[type="radio"]')) {
      radio.addEventListener("change", () => this.onPicked(radio, "mode"));
    }
    for (const radio of document.querySelectorAll<HTMLInputElement>('#model-menu input[type="radio"]')) {
      radio.addEventListener("change", () => this.onPicked(radio, "model"));
    }
    this.onInput();
    this.words();
  }

  get mode(): Mode | null {
    const checked = document.querySelector<HTMLInputElement>('#mode-menu input[type="radio"]:checked');
    return (checked?.value as Mode | undefined) ?? null;
  }

  /** The chosen language model; null where there is no choice. */
  get model(): string | null {
    return document.querySelector<HTMLInputElement>('#model-menu input[type="radio"]:checked')?.value ?? null;
  }

  /** The chosen collections; undefined when nothing narrows the search. */
  get collections(): string[] | undefined {
    return this.chosen.size && this.chosen.size < this.data.collections.length ? [...this.chosen] : undefined;
  }

  set running(isRunning: boolean) {
    if (this.isRunning === isRunning) return;
    this.isRunning = isRunning;
    this.send.classList.toggle("stops", isRunning);
    this.send.setAttribute("aria-label", isRunning ? t("stop") : t("send"));
    this.send.title = isRunning ? t("stop_title") : t("send");
    this.onInput();
  }

  focus(): void {
    this.area.focus();
  }

  set text(text: string) {
    this.area.value = text;
    this.onInput();
  }

  private submit(): void {
    const text = this.area.value.trim();
    if (!text) return;
    this.text = "";
    this.on.ask(text);
  }

  private onKey = (event: KeyboardEvent): void => {
    // 229 is how an input method's Enter looks in browsers that end composing before they say so.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (!this.isRunning) this.submit();
  };

  private onInput = (): void => {
    this.send.disabled = !this.isRunning && !this.area.value.trim();
    if (CSS.supports("field-sizing", "content")) return;
    this.area.style.height = "auto";
    this.area.style.height = `${this.area.scrollHeight}px`;
  };

  private onPicked(radio: HTMLInputElement, what: "mode" | "model"): void {
    const label = document.querySelector<HTMLElement>(`[data-${what}-label]`);
    if (label) label.textContent = radio.dataset["label"] ?? "";
    document.getElementById(`${what}-menu`)?.hidePopover();
    this.area.focus();
  }

  private onChosen = (event: Event): void => {
    const box = event.target as HTMLInputElement;
    const all = document.querySelectorAll<HTMLInputElement>('#scope-menu input[type="checkbox"]');
    const on = [...all].filter((each) => each.checked).map((each) => each.value);
    // Nothing to search is no question to ask: the last one stays.
    if (!on.length) box.checked = true;
    this.chosen = new Set(on.length ? on : [box.value]);
    this.words();
  };

  /** "Searching Contracts, HR handbook. You cannot see Finance." */
  private words(): void {
    const { collections, hidden, workspace_name: workspace } = this.data;
    const kept = this.chosen.size ? collections.filter((place) => this.chosen.has(place.id)) : collections;
    const isAll = kept.length === collections.length;
    const parts: (Node | string)[] = [];
    if (!collections.length) parts.push(t("scope_empty"));
    else if (isAll && !workspace)
      parts.push(...sentence("scope_everywhere", [String(new Set(kept.map((place) => place.workspace)).size)]));
    else parts.push(...sentence("scope_searching", shortened(kept.map((place) => place.name))));
    if (hidden.length) parts.push(" ", ...sentence("scope_hidden", shortened(hidden)));
    this.scopeBar.querySelector("[data-scope-words]")?.replaceChildren(...parts);
  }
}

function shortened(names: string[]): string[] {
  if (names.length <= MOST_NAMES) return names;
  return [...names.slice(0, MOST_NAMES - 1), t("scope_more", { n: names.length - MOST_NAMES + 1 })];
}

/** A translated sentence whose {names} are set in bold, joined as the language joins lists. */
function sentence(key: string, names: string[]): (Node | string)[] {
  const [before = "", after = ""] = t(key, { names: "\u0000" }).split("\u0000");
  const list = new Intl.ListFormat(document.documentElement.lang || "en", { type: "conjunction", style: "narrow" });
  const parts = list
    .formatToParts(names)
    .map((part) => (part.type === "element" ? el("b", {}, figure(part.value)) : part.value));
  return [before, ...parts, after];
}

function figure(name: string): string {
  return /^\d+$/.test(name) ? number(Number(name)) : name;
}
