import { beforeEach, describe, expect, it } from "vitest";
import type { Frame, StartedFrame } from "./frames";
import { blank, Turns } from "./turns";

const started = (turn: string, request: string, parent: string | null = null): StartedFrame => ({
  type: "started",
  n: 0,
  turn,
  conversation: "c",
  title: "t",
  request,
  question: "Why?",
  parent,
  url: "/c/c",
});
const delta = (turn: string, n: number, text: string, kind: "text" | "thinking" = "text"): Frame => ({
  type: "delta",
  n,
  turn,
  text,
  kind,
});
const done = (turn: string, text: string): Frame => ({
  type: "done",
  n: 99,
  turn,
  text,
  cited: [1],
  unsupported: [],
  refused: false,
  took_ms: 5,
  first_token_ms: 1,
  model: "m",
});

describe("frames", () => {
  let turns: Turns;
  beforeEach(() => {
    turns = new Turns();
    turns.add(blank("r1", "Why?", null));
    turns.apply(started("t1", "r1"));
  });

  it("give a question its id", () => {
    expect(turns.get("r1")).toBeUndefined();
    expect(turns.path.map((turn) => turn.id)).toEqual(["t1"]);
  });
  it("that were seen are not applied again after a reconnection", () => {
    turns.apply(delta("t1", 4, "abc"));
    turns.apply(delta("t1", 4, "abc"));
    turns.apply(delta("t1", 6, "de"));
    expect(turns.get("t1")!.answer).toBe("abcde");
    expect(turns.get("t1")!.last).toBe(6);
  });
  it("keep thinking apart from the answer", () => {
    turns.apply(delta("t1", 3, "hm", "thinking"));
    turns.apply(delta("t1", 5, "so"));
    expect(turns.get("t1")).toMatchObject({ thinking: "hm", answer: "so" });
  });
  it("that end an answer replace what was streamed", () => {
    turns.apply(delta("t1", 3, "drft"));
    turns.apply(done("t1", "draft [1]"));
    expect(turns.get("t1")).toMatchObject({ answer: "draft [1]", state: "complete", cited: [1] });
  });
  it("after the end change nothing", () => {
    turns.apply(done("t1", "x"));
    expect(turns.apply({ type: "stopped", n: 100, turn: "t1", text: "", cited: [] })).toBeNull();
    expect(turns.get("t1")!.answer).toBe("x");
  });
  it("of somebody else's question are ignored", () => expect(turns.apply(delta("t9", 3, "x"))).toBeNull());
  it("that refuse a question fail it", () => {
    turns.add(blank("r2", "Again?", "t1"));
    turns.apply({ type: "error", n: 0, turn: "", code: "TOO_MANY_REQUESTS", message: "Wait", text: "", request: "r2" });
    expect(turns.get("r2")).toMatchObject({ state: "failed", message: "Wait" });
  });
});

describe("branches", () => {
  const turns = new Turns();
  for (const [id, parent] of [
    ["a", null],
    ["b", "a"],
    ["c", "a"],
    ["d", "c"],
  ] as const)
    turns.add(blank(id, id, parent));

  it("follow the newest", () => expect(turns.path.map((turn) => turn.id)).toEqual(["a", "c", "d"]));
  it("can be chosen", () => {
    turns.leaf = "b";
    expect(turns.path.map((turn) => turn.id)).toEqual(["a", "b"]);
    turns.leaf = "c";
    expect(turns.path.map((turn) => turn.id)).toEqual(["a", "c", "d"]);
  });
  it("know their siblings", () => expect(turns.siblings(turns.get("b")!).map((turn) => turn.id)).toEqual(["b", "c"]));
});
