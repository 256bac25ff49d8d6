/** A WebSocket that comes back: waits longer after each failure, at once when the network or the tab returns. */

const FIRST_MS = 400;
const LONGEST_MS = 15_000;
/** Closed by the server on purpose: not signed in (4401) or nothing there (4404); trying again will not help. */
const FINAL_CODES = new Set([4401, 4403, 4404]);

export interface Line {
  onOpen?: () => void;
  onMessage: (message: unknown) => void;
  onDown?: (isFinal: boolean) => void;
}

/** How long to wait before try `attempt` (from 0): doubling with jitter, so that a thousand tabs do not return as one. */
export function backOff(attempt: number, random: number = Math.random()): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt) * (0.5 + random / 2);
}

export class Socket {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private timer = 0;
  private isClosed = false;

  constructor(
    private readonly path: string,
    private readonly line: Line,
  ) {
    addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
    this.connect();
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** False when there is no connection: the caller keeps the message and sends it in onOpen. */
  send(message: unknown): boolean {
    if (!this.isOpen) return false;
    this.socket!.send(JSON.stringify(message));
    return true;
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.socket?.close();
  }

  private connect(): void {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${this.path}`);
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.attempt = 0;
      this.line.onOpen?.();
    });
    socket.addEventListener("message", (event) => this.line.onMessage(JSON.parse(String(event.data))));
    socket.addEventListener("close", (event) => this.down(event.code));
  }

  private down(code: number): void {
    if (this.isClosed) return;
    const isFinal = FINAL_CODES.has(code);
    this.line.onDown?.(isFinal);
    if (isFinal) return this.close();
    this.timer = window.setTimeout(() => this.connect(), backOff(this.attempt++));
  }

  private hurry = (): void => {
    if (this.isClosed || document.hidden || this.socket?.readyState !== WebSocket.CLOSED) return;
    clearTimeout(this.timer);
    this.attempt = 0;
    this.connect();
  };
}
