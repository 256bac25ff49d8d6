/** What travels on /ws/chat. Mirrors apps/chat/frames.py field by field; a test compares the two. */

export interface Source {
  number: number;
  chunk: string;
  document: string;
  document_name: string;
  collection: string;
  page: number | null;
  headings: string[];
  boxes: [page: number, x0: number, y0: number, x1: number, y1: number][];
  quote: string;
  around: string;
  edited: { by: string; at: string; original: string } | null;
  marks: [start: number, end: number][];
  url: string;
}

export interface StartedFrame {
  type: "started";
  n: number;
  turn: string;
  conversation: string;
  title: string;
  request: string;
  question: string;
  parent: string | null;
  url: string;
}

export interface SourcesFrame {
  type: "sources";
  n: number;
  turn: string;
  sources: Source[];
  hidden: number;
  note: string;
}

export interface DeltaFrame {
  type: "delta";
  n: number;
  turn: string;
  text: string;
  kind: "text" | "thinking";
}

export interface DoneFrame {
  type: "done";
  n: number;
  turn: string;
  text: string;
  cited: number[];
  unsupported: [start: number, end: number][];
  refused: boolean;
  took_ms: number | null;
  first_token_ms: number | null;
  model: string;
}

export interface StoppedFrame {
  type: "stopped";
  n: number;
  turn: string;
  text: string;
  cited: number[];
}

export interface ErrorFrame {
  type: "error";
  n: number;
  turn: string;
  code: string;
  message: string;
  text: string;
  request: string;
}

export type Frame = StartedFrame | SourcesFrame | DeltaFrame | DoneFrame | StoppedFrame | ErrorFrame;

export interface AskMessage {
  type: "ask";
  conversation: string | null;
  workspace: string | null;
  collections?: string[];
  text: string;
  mode: "chat" | "documents_only" | null;
  model: string | null;
  parent: string | null;
  request: string;
}

export interface RegenerateMessage {
  type: "regenerate";
  turn: string;
  request: string;
}

export interface EditMessage {
  type: "edit";
  turn: string;
  text: string;
  request: string;
}

export interface FollowMessage {
  type: "follow";
  turn: string;
  after: number;
}

export interface StopMessage {
  type: "stop";
  turn: string;
}

export type Message = AskMessage | RegenerateMessage | EditMessage | FollowMessage | StopMessage;
