/** The turns of one conversation, with their branches, and what each frame does to them. No DOM here. */

import type { Frame, Source, StartedFrame } from "./frames";

export type State = "waiting" | "running" | "complete" | "refused" | "stopped" | "failed" | "withheld";

export interface Turn {
  /** The server's id; until it has one, the id of the request. */
  id: string;
  request: string;
  parent: string | null;
  question: string;
  answer: string;
  thinking: string;
  state: State;
  message: string;
  code: string;
  sources: Source[];
  hidden: number;
  note: string;
  cited: number[];
  unsupported: [number, number][];
  rating: string;
  ratingReason: string;
  model: string;
  tookMs: number | null;
  /** Number of the last frame that was applied: where following goes on. */
  last: number;
}

/** A turn as the page was rendered with; see `turn_data` in apps/chat/page_data.py. */
export type StoredTurn = Pick<
  Turn,
  | "id"
  | "parent"
  | "question"
  | "answer"
  | "thinking"
  | "state"
  | "message"
  | "code"
  | "sources"
  | "cited"
  | "unsupported"
  | "rating"
  | "model"
> & { rating_reason: string; took_ms: number | null };

export function blank(id: string, question: string, parent: string | null): Turn {
  return {
    id,
    request: id,
    parent,
    question,
    answer: "",
    thinking: "",
    state: "waiting",
    message: "",
    code: "",
    sources: [],
    hidden: 0,
    note: "",
    cited: [],
    unsupported: [],
    rating: "",
    ratingReason: "",
    model: "",
    tookMs: null,
    last: -1,
  };
}

export class Turns {
  private readonly all = new Map<string, Turn>();
  /** The turn that the shown path goes through. */
  leaf: string | null = null;

  load(stored: StoredTurn[]): void {
    for (const { rating_reason: ratingReason, took_ms: tookMs, ...rest } of stored) {
      // A running answer is followed from its start: what is stored of it may be a second old.
      const begun = rest.state === "running" ? { answer: "", thinking: "", sources: [], cited: [] } : {};
      this.all.set(rest.id, { ...blank(rest.id, rest.question, rest.parent), ...rest, ...begun, ratingReason, tookMs });
    }
    this.leaf = stored.at(-1)?.id ?? null;
  }

  get(id: string): Turn | undefined {
    return this.all.get(id);
  }

  get running(): Turn[] {
    return [...this.all.values()].filter((turn) => turn.state === "running");
  }

  get isEmpty(): boolean {
    return this.all.size === 0;
  }

  /** The questions that were asked in the same place, oldest first. */
  siblings(turn: Turn): Turn[] {
    return [...this.all.values()].filter((other) => other.parent === turn.parent);
  }

  /** From the first question through the chosen leaf, then along the newest branches. */
  get path(): Turn[] {
    const up: Turn[] = [];
    for (let at = this.leaf; at !== null; at = this.all.get(at)?.parent ?? null) {
      const turn = this.all.get(at);
      if (!turn) break;
      up.unshift(turn);
    }
    for (let last = up.at(-1); last;) {
      const id: string = last.id;
      last = [...this.all.values()].filter((turn) => turn.parent === id).at(-1);
      if (last) up.push(last);
    }
    return up;
  }

  add(turn: Turn): Turn {
    this.all.set(turn.id, turn);
    this.leaf = turn.id;
    return turn;
  }

  remove(turn: Turn): void {
    this.all.delete(turn.id);
    if (this.leaf === turn.id) this.leaf = turn.parent ?? [...this.all.keys()].at(-1) ?? null;
  }

  /** Give a turn that was shown before the server knew it its own id. */
  private adopt(turn: Turn, frame: StartedFrame): Turn {
    const rows = [...this.all.values()];
    this.all.clear();
    const before = turn.id;
    turn.id = frame.turn;
    for (const row of rows) {
      if (row.parent === before) row.parent = frame.turn;
      this.all.set(row.id, row);
    }
    if (this.leaf === before) this.leaf = frame.turn;
    return turn;
  }

  /** The turn that a frame is about; null when it is nobody's here. */
  private about(frame: Frame): Turn | null {
    const known = this.all.get(frame.turn);
    if (known) return known;
    const request = frame.type === "started" || frame.type === "error" ? frame.request : "";
    const asked = request ? this.all.get(request) : undefined;
    if (!asked) return null;
    return frame.type === "started" ? this.adopt(asked, frame) : asked;
  }

  /** Apply a frame and return the turn that changed; null for a frame that was seen before. */
  apply(frame: Frame): Turn | null {
    const turn = this.about(frame);
    if (!turn) return null;
    const isLast = frame.type === "done" || frame.type === "stopped" || frame.type === "error";
    if (isLast ? turn.state !== "running" && turn.state !== "waiting" : frame.n <= turn.last) return null;
    turn.last = Math.max(turn.last, frame.n);
    change(turn, frame);
    return turn;
  }
}

function change(turn: Turn, frame: Frame): void {
  switch (frame.type) {
    case "started":
      turn.state = "running";
      turn.question = frame.question || turn.question;
      turn.parent = frame.parent;
      break;
    case "sources":
      turn.sources = frame.sources;
      turn.hidden = frame.hidden;
      turn.note = frame.note;
      break;
    case "delta":
      if (frame.kind === "thinking") turn.thinking += frame.text;
      else turn.answer += frame.text;
      break;
    case "done":
      turn.state = frame.refused ? "refused" : "complete";
      turn.answer = frame.text;
      turn.cited = frame.cited;
      turn.unsupported = frame.unsupported;
      turn.model = frame.model;
      turn.tookMs = frame.took_ms;
      break;
    case "stopped":
      turn.state = "stopped";
      turn.answer = frame.text;
      turn.cited = frame.cited;
      break;
    case "error":
      turn.state = "failed";
      turn.answer = frame.text || turn.answer;
      turn.code = frame.code;
      turn.message = frame.message;
      break;
  }
}

/** Numbers that the text of an answer cites, before the server has said which. */
export function citedIn(text: string): number[] {
  return [...new Set([...text.matchAll(/\[(\d{1,3})\]/g)].map((match) => Number(match[1])))];
}
