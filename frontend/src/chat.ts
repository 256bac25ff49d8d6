/** <kb-chat>: a conversation. Questions go out on one socket; answers stream in and are followed again after a break. */

import { HANDED_OVER } from "./ask";
import { Beside } from "./beside";
import { Composer, type ScopeData } from "./composer";
import { csrf, el, icon, isTyping, json } from "./dom";
import { Evidence } from "./evidence";
import type { Frame, Message, Source } from "./frames";
import { copyText } from "./menus";
import { Socket } from "./socket";
import { number, t } from "./strings";
import { blank, type StoredTurn, type Turn, Turns } from "./turns";
import { TurnView } from "./turn_view";

/** Nearer to the end than this, the thread stays at its end while it grows. */
const NEAR_END = 120;

interface ChatData extends ScopeData {
  conversation: string | null;
  workspace: string | null;
  turns: StoredTurn[];
}

export class KbChat extends HTMLElement {
  private readonly turns = new Turns();
  private readonly views = new Map<Turn, TurnView>();
  private readonly unsent: Message[] = [];
  private data!: ChatData;
  private conversation: string | null = null;
  private socket: Socket | null = null;
  private composer!: Composer;
  private evidence!: Evidence;
  private beside!: Beside;
  private thread!: HTMLElement;
  private viewport!: HTMLElement;
  private said!: HTMLElement;

  connectedCallback(): void {
    this.data = json<ChatData>("chat-data")!;
    this.conversation = this.data.conversation;
    this.thread = this.querySelector<HTMLElement>("[data-thread]")!;
    this.viewport = this.querySelector<HTMLElement>("[data-scroll]")!;
    this.said = this.querySelector<HTMLElement>("[data-said]")!;
    this.evidence = new Evidence(document.getElementById("evidence")!, (source, turn) => this.cite(turn, source));
    this.beside = new Beside(this.closest<HTMLElement>(".app")!, () => this.markAll(0));
    this.composer = new Composer(this.querySelector("form")!, this.querySelector(".scope")!, this.data, {
      ask: (text) => this.ask(text),
      stop: () => this.stop(),
    });
    this.turns.load(this.data.turns);
    this.draw();
    const last = this.turns.path.at(-1);
    if (last?.sources.length) this.evidence.show(last);
    this.viewport.addEventListener("scroll", this.onScroll, { passive: true });
    this.querySelector("[data-to-end]")?.addEventListener("click", () => this.toEnd());
    document.addEventListener("keydown", this.onKey);
    this.toEnd();
    this.socket = new Socket("/ws/chat", {
      onOpen: this.onOpen,
      onMessage: (frame) => this.receive(frame as Frame),
      onDown: (isFinal) => this.offline(true, isFinal),
    });
    this.takeOver();
  }

  disconnectedCallback(): void {
    this.socket?.close();
    document.removeEventListener("keydown", this.onKey);
  }

  // --- asking -----------------------------------------------------------------------------------

  private ask(text: string): void {
    const request = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    const parent = this.turns.path.at(-1)?.id ?? null;
    this.begin(blank(request, text, parent));
    const { collections, mode, model } = this.composer;
    this.post({
      type: "ask",
      conversation: this.conversation,
      workspace: this.conversation ? null : this.data.workspace,
      ...(collections && { collections }),
      text,
      mode,
      model,
      parent,
      request,
    });
  }

  private again(turn: Turn, text: string | null): void {
    const request = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    const wasNeverTaken = turn.id === turn.request && turn.last < 0;
    if (wasNeverTaken) {
      this.turns.remove(turn);
      this.ask(text ?? turn.question);
      return;
    }
    this.begin(blank(request, text ?? turn.question, turn.parent));
    this.post(
      text === null ? { type: "regenerate", turn: turn.id, request } : { type: "edit", turn: turn.id, text, request },
    );
  }

  private begin(turn: Turn): void {
    this.turns.add(turn);
    this.evidence.show(turn);
    this.draw();
    this.toEnd();
    this.announce(t("searching"));
  }

  private stop(): void {
    const running = this.turns.path.findLast((turn) => turn.state === "running");
    if (running) this.post({ type: "stop", turn: running.id });
  }

  private post(message: Message): void {
    if (!this.socket?.send(message)) this.unsent.push(message);
  }

  /** The home page handed a question over: ask it once, here. */
  private takeOver(): void {
    const question = sessionStorage.getItem(HANDED_OVER);
    sessionStorage.removeItem(HANDED_OVER);
    if (question && this.turns.isEmpty) this.ask(question);
    else if (this.turns.isEmpty && matchMedia("(hover: hover)").matches) this.composer.focus();
  }

  // --- the socket ---------------------------------------------------------------------------------

  private onOpen = (): void => {
    this.offline(false);
    this.giveUpLost();
    for (const turn of this.turns.running) this.post({ type: "follow", turn: turn.id, after: Math.max(0, turn.last) });
    for (const message of this.unsent.splice(0)) this.post(message);
  };

  /** A question that went out and was not confirmed before the line broke: nobody knows whether it arrived. */
  private giveUpLost(): void {
    const kept = new Set(this.unsent.map((message) => ("request" in message ? message.request : "")));
    for (const turn of this.turns.path) {
      if (turn.state !== "waiting" || kept.has(turn.request)) continue;
      Object.assign(turn, { state: "failed", message: t("lost") });
      this.draw(turn);
    }
  }

  private receive(frame: Frame): void {
    const turn = this.turns.apply(frame);
    if (!turn) return;
    const wasAtEnd = this.isAtEnd;
    if (frame.type === "started") this.named(frame.conversation, frame.title, frame.url);
    if (frame.type === "delta") this.views.get(turn)?.later();
    else this.draw(turn);
    if (this.evidence.turn === turn && frame.type !== "delta") this.evidence.show(turn);
    if (frame.type === "sources") this.announce(t("sources_found", { n: turn.sources.length }));
    if (frame.type === "done")
      this.announce(
        `${t("answer_complete")} ${this.views.get(turn)?.element.querySelector(".answer")?.textContent ?? ""}`,
      );
    if (frame.type === "error") this.announce(turn.message);
    if (wasAtEnd) requestAnimationFrame(() => this.toEnd());
  }

  /** The first question gave the conversation an address and a name. */
  private named(id: string, title: string, url: string): void {
    if (this.conversation === id) return;
    this.conversation = id;
    this.dataset["conversation"] = id;
    history.replaceState(null, "", url);
    document.title = `${title} · Footnote`;
    const heading = document.querySelector("[data-title]");
    if (heading) heading.textContent = title;
    this.dispatchEvent(new CustomEvent("conversation-named", { bubbles: true, detail: { id, title, url } }));
  }

  private offline(isDown: boolean, isFinal = false): void {
    const note = this.querySelector<HTMLElement>("[data-offline]");
    if (!note) return;
    note.hidden = !isDown;
    note.textContent = isDown ? t(isFinal ? "signed_out" : "offline") : "";
  }

  // --- drawing ------------------------------------------------------------------------------------

  private draw(changed: Turn | null = null): void {
    const path = this.turns.path;
    const welcome = this.querySelector<HTMLElement>("[data-welcome]");
    if (welcome) welcome.hidden = path.length > 0;
    const elements = path.map((turn) => this.viewOf(turn).element);
    const before = [...this.thread.children];
    if (before.length !== elements.length || elements.some((element, i) => element !== before[i]))
      this.thread.replaceChildren(...elements);
    if (changed) this.views.get(changed)?.update();
    else for (const turn of path) this.views.get(turn)?.update();
    this.composer.running = path.some((turn) => turn.state === "running" || turn.state === "waiting");
  }

  private viewOf(turn: Turn): TurnView {
    const known = this.views.get(turn);
    if (known) return known;
    const view = new TurnView(turn, {
      cite: (of, source) => this.cite(of, source),
      evidence: (of) => {
        this.beside.close();
        this.evidence.show(of);
        this.evidence.toggle(true);
      },
      regenerate: (of) => this.again(of, null),
      edit: (of, text) => this.again(of, text),
      branch: (of, step) => this.branch(of, step),
      rate: (of, rating, reason) => this.rate(of, rating, reason),
      copy: (of) => copyText(withSources(of)),
      siblings: (of) => this.turns.siblings(of),
    });
    this.views.set(turn, view);
    return view;
  }

  private branch(turn: Turn, step: number): void {
    const siblings = this.turns.siblings(turn);
    const other = siblings[siblings.indexOf(turn) + step];
    if (!other) return;
    this.turns.leaf = other.id;
    this.draw();
    const last = this.turns.path.at(-1);
    if (last) this.evidence.show(last);
  }

  /** Show a source: in the panel, and in the reader beside the answer where there is room for both. */
  private cite(turn: Turn, source: Source): void {
    const isSheet = matchMedia("(max-width: 860px)").matches;
    const wasSheetOpen = document.getElementById("evidence")?.classList.contains("open") ?? false;
    if (this.evidence.turn !== turn) this.evidence.show(turn);
    this.evidence.select(source.number);
    this.markAll(source.number, turn);
    if (!source.url || (isSheet && !wasSheetOpen)) return;
    const cited = turn.sources.filter((each) => each.url && (turn.cited.includes(each.number) || each === source));
    void this.beside.open(source, cited, (other) => this.cite(turn, other));
  }

  private markAll(inHand: number, of: Turn | null = null): void {
    for (const [turn, view] of this.views) view.mark(of === turn ? inHand : 0);
  }

  private async rate(turn: Turn, rating: string, reason: string): Promise<boolean> {
    const response = await fetch(`/turns/${turn.id}/rate`, {
      method: "POST",
      headers: { "X-CSRFToken": csrf(), Accept: "application/json" },
      body: new URLSearchParams({ rating, reason }),
    }).catch(() => null);
    return response?.ok ?? false;
  }

  private announce(words: string): void {
    this.said.textContent = words;
  }

  private get isAtEnd(): boolean {
    return this.viewport.scrollHeight - this.viewport.scrollTop - this.viewport.clientHeight < NEAR_END;
  }

  private toEnd(): void {
    this.viewport.scrollTop = this.viewport.scrollHeight;
  }

  private onScroll = (): void => {
    const button = this.querySelector<HTMLElement>("[data-to-end]");
    if (button) button.hidden = this.isAtEnd;
  };

  // --- the keyboard ---------------------------------------------------------------------------------

  private onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing || event.metaKey || event.ctrlKey) return;
    if (document.querySelector("dialog[open], .menu:popover-open")) return;
    if (event.key === "Escape") return this.onEscape();
    if (event.key === "/" && !isTyping(event)) {
      event.preventDefault();
      this.composer.focus();
    }
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
    if (digit && !event.shiftKey && (event.altKey || !isTyping(event))) this.open(Number(digit), event);
  };

  private onEscape(): void {
    if (this.turns.path.some((turn) => turn.state === "running")) this.stop();
    else if (this.beside.isOpen) this.beside.close();
    else this.evidence.toggle(false);
  }

  private open(digit: number, event: Event): void {
    const turn = this.evidence.turn ?? this.turns.path.at(-1);
    const source = turn?.sources.find((each) => each.number === digit);
    if (!turn || !source) return;
    event.preventDefault();
    this.cite(turn, source);
  }
}

/** The answer with its footnotes, as it is pasted elsewhere. */
function withSources(turn: Turn): string {
  const cited = turn.sources.filter((source) => turn.cited.includes(source.number));
  const notes = cited.map(
    (source) =>
      `[${source.number}] ${source.document_name}${source.page ? `, ${t("page_short", { page: number(source.page) })}` : ""}`,
  );
  return notes.length ? `${turn.answer}\n\n${notes.join("\n")}` : turn.answer;
}

/** A new conversation appears in the sidebar without loading the page. */
document.addEventListener("conversation-named", (event) => {
  const { title, url } = (event as CustomEvent<{ title: string; url: string }>).detail;
  const list = document.querySelector("[data-conversations]");
  for (const link of document.querySelectorAll(".side a[aria-current=page]")) link.removeAttribute("aria-current");
  list
    ?.querySelector("h2")
    ?.after(el("a", { href: url, "aria-current": "page" }, el("span", { class: "grow ellipsis" }, title)));
  list?.removeAttribute("hidden");
  for (const part of document.querySelectorAll<HTMLElement>("[data-needs-conversation]")) part.hidden = false;
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-path]"))
    form.action = `${url}/${form.dataset["path"] ?? ""}`;
  const field = document.querySelector<HTMLInputElement>("#rename-conversation input[name=title]");
  if (field) field.value = title;
});

/** Send becomes stop while an answer runs: both icons are in the button, the style shows one. */
for (const button of document.querySelectorAll<HTMLElement>("button.send")) {
  if (!button.children.length) button.append(icon("send"), icon("stop"));
}

customElements.define("kb-chat", KbChat);
