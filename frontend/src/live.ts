/** <kb-live data-socket>: says on the page that documents changed; htmx then fetches the rows anew. */

import { Socket } from "./socket";

/** News come in bursts while files are read: rows are fetched at most once in this time. */
const QUIET_MS = 700;

export class KbLive extends HTMLElement {
  private socket: Socket | null = null;
  private timer = 0;
  private last = 0;
  private wasDown = false;

  connectedCallback(): void {
    const path = this.dataset["socket"];
    if (!path) return;
    this.socket = new Socket(path, {
      onOpen: () => {
        // What was missed while the line was down.
        if (this.wasDown) this.tell();
        this.wasDown = false;
      },
      onMessage: () => this.tell(),
      onDown: () => (this.wasDown = true),
    });
  }

  disconnectedCallback(): void {
    clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
  }

  private tell(): void {
    if (this.timer) return;
    const wait = Math.max(0, this.last + QUIET_MS - Date.now());
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.last = Date.now();
      document.body.dispatchEvent(new CustomEvent("documents-changed"));
    }, wait);
  }
}
