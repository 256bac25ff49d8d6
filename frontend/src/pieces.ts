/** Large files in pieces (tus): after a lost network, a reload of the page or a restart of the server they go on. */

import type { DetailedError, Upload } from "tus-js-client";
import { csrf } from "./dom";

/** From here on a file is worth remembering; below, it is sent again faster than it is asked for. */
export const LARGE = 16 * 1024 * 1024;
const PIECE = 8 * 1024 * 1024;
/** Some minutes without a network, counted anew after each piece. */
const PATIENCE = [0, 1000, 3000, 5000, 10_000, 20_000, 30_000, 30_000, 60_000, 60_000, 60_000];
const FULL = 507;
const STORED = "tus::";

export interface Refusal {
  code: string;
  message: string;
  details?: { document?: string };
}

/** What became of an upload. */
export interface Outcome {
  state: "receiving" | "taken" | "asks" | "refused";
  is_duplicate: boolean;
  error: Refusal | null;
}

export interface Listener {
  progress(sent: number, total: number): void;
  /** The connection broke; it is tried again by itself. */
  waits(): void;
}

/** Status 0: nobody answered. */
export class Broken extends Error {
  constructor(
    readonly status: number,
    readonly refusal: Refusal | null,
  ) {
    super(refusal?.message ?? `status ${status}`);
  }
}

/** One large file on its way to `endpoint`. */
export class Pieces {
  private upload: Upload | null = null;
  private stopped: (() => void) | null = null;

  constructor(
    private readonly endpoint: string,
    private readonly file: File,
    private readonly name: string,
    private readonly listener: Listener,
  ) {}

  /** Sends what the server does not have yet. Rejects with Broken; `null` means that it was stopped. */
  async send(existing: string): Promise<Outcome | null> {
    const { Upload: TusUpload } = await import("tus-js-client");
    const ended = new Promise<"whole" | "stopped">((resolve, reject) => {
      this.stopped = () => resolve("stopped");
      this.upload = new TusUpload(this.file, {
        endpoint: this.endpoint,
        metadata: { filename: this.name, on_existing: existing },
        headers: { "X-CSRFToken": csrf(), Accept: "application/json" },
        chunkSize: PIECE,
        retryDelays: PATIENCE,
        removeFingerprintOnSuccess: true,
        fingerprint: () => Promise.resolve(this.fingerprint),
        onProgress: (sent, total) => this.listener.progress(sent, total),
        onShouldRetry: (error) => this.mayHelp(error),
        onSuccess: () => resolve("whole"),
        onError: (error) => reject(broken(error)),
      });
    });
    const [before] = await this.upload!.findPreviousUploads();
    if (before) this.upload!.resumeFromPreviousUpload(before);
    this.upload!.start();
    return (await ended) === "stopped" ? null : this.outcome();
  }

  /** Says what to do about a name that is taken. Nothing is sent again. */
  decide(existing: string): Promise<Outcome> {
    return asked("POST", `${this.upload?.url ?? ""}/finish`, { on_existing: existing });
  }

  /** Forgets the upload here and there. */
  async stop(): Promise<void> {
    await this.upload?.abort(true).catch(() => undefined);
    this.stopped?.();
  }

  private async outcome(): Promise<Outcome> {
    const url = this.upload?.url ?? "";
    const found = await asked("GET", url);
    // All bytes were there, and the process ended before it could say so.
    return found.state === "receiving" ? asked("POST", `${url}/finish`, {}) : found;
  }

  private get fingerprint(): string {
    return `${this.endpoint} ${this.name} ${this.file.size} ${this.file.lastModified}`;
  }

  private mayHelp(error: DetailedError): boolean {
    const status = error.originalResponse?.getStatus() ?? 0;
    const helps = status === 0 || status === 409 || status === 423 || (status >= 500 && status !== FULL);
    if (helps) this.listener.waits();
    return helps;
  }
}

/** Names of files whose upload to `endpoint` stopped in this browser, with what forgets each. */
export function unfinished(endpoint: string): { name: string; forget: () => void }[] {
  const prefix = `${STORED}${endpoint} `;
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(prefix))
    .flatMap((key) => {
      const kept = JSON.parse(localStorage.getItem(key) ?? "{}") as {
        metadata?: { filename?: string };
        uploadUrl?: string;
      };
      const name = kept.metadata?.filename;
      if (!name) return [];
      const forget = (): void => {
        localStorage.removeItem(key);
        if (kept.uploadUrl) void asked("DELETE", kept.uploadUrl).catch(() => undefined);
      };
      return [{ name, forget }];
    });
}

async function asked(method: string, url: string, body?: object): Promise<Outcome> {
  const response = await fetch(url, {
    method,
    headers: { "X-CSRFToken": csrf(), "Content-Type": "application/json", "Tus-Resumable": "1.0.0" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  }).catch(() => {
    throw new Broken(0, null);
  });
  const text = await response.text();
  if (!response.ok) throw new Broken(response.status, refusalIn(text));
  return (text ? JSON.parse(text) : null) as Outcome;
}

function broken(error: Error | DetailedError): Broken {
  const response = "originalResponse" in error ? error.originalResponse : null;
  return new Broken(response?.getStatus() ?? 0, response ? refusalIn(response.getBody()) : null);
}

export function refusalIn(text: string): Refusal | null {
  try {
    return (JSON.parse(text) as { error?: Refusal }).error ?? null;
  } catch {
    return null;
  }
}
