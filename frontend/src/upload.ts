/** <kb-upload>: the whole page takes files and folders; each is sent with its progress and answers for itself. */

import { csrf, el, icon } from "./dom";
import { fromDrop, type Named } from "./folders";
import { Broken, LARGE, Pieces, refusalIn, unfinished, type Outcome } from "./pieces";
import { size, t } from "./strings";

const AT_ONCE = 2;
type Existing = "ask" | "version" | "rename";

/** One file on its way: its row in the list, and what became of it. */
class Sending {
  readonly row: HTMLElement;
  private readonly bar = el("progress", { class: "thin wide", max: 1, value: 0, "aria-label": t("upload_progress") });
  private readonly words = el("span", { class: "upload-words" });
  private readonly actions = el("span", { class: "row" });
  private request: XMLHttpRequest | null = null;
  private pieces: Pieces | null = null;
  /** All bytes are there, and the server waits to be told what to do with them. */
  private isDecided = false;

  constructor(
    readonly file: Named,
    private readonly owner: KbUpload,
  ) {
    this.row = el(
      "li",
      { class: "upload-row" },
      el("span", { class: "upload-name" }, file.name),
      el("span", { class: "faint num nowrap" }, size(file.file.size)),
      this.words,
      this.actions,
      this.bar,
    );
    this.say(t("upload_waiting"));
  }

  refuseAtOnce(): boolean {
    const { limit, suffixes, archives } = this.owner;
    const suffix = /\.[^./]+$/.exec(this.file.name)?.[0]?.toLowerCase() ?? "";
    const isRead = suffixes.includes(suffix) || endsWithOneOf(this.file.name, archives);
    if (limit && this.file.file.size > limit) this.fail(t("upload_too_large", { limit: size(limit) }), false);
    else if (this.file.file.size === 0) this.fail(t("upload_empty"), false);
    else if (suffixes.length && !isRead) this.fail(t("upload_unsupported", { suffix: suffix || "?" }), false);
    else return false;
    return true;
  }

  send(existing: Existing = "ask"): Promise<void> {
    const isLarge = this.owner.piecesUrl && this.file.file.size >= LARGE;
    return isLarge ? this.sendInPieces(existing) : this.sendAtOnce(existing);
  }

  private async sendInPieces(existing: Existing): Promise<void> {
    this.pieces ??= new Pieces(this.owner.piecesUrl, this.file.file, this.file.name, {
      progress: (sent, total) => this.progress(sent, total),
      waits: () => this.say(t("upload_interrupted")),
    });
    this.actions.replaceChildren(this.button("cancel", () => void this.pieces?.stop()));
    try {
      const outcome = this.isDecided ? await this.pieces.decide(existing) : await this.pieces.send(existing);
      this.became(outcome);
    } catch (error) {
      const { status, refusal } = error instanceof Broken ? error : new Broken(-1, null);
      this.fail(refusal?.message ?? t(status === 0 ? "upload_stopped" : "upload_failed"), true);
    }
  }

  private became(outcome: Outcome | null): void {
    this.actions.replaceChildren();
    this.isDecided = outcome?.state === "asks";
    if (outcome === null) return this.fail(t("upload_cancelled"), true);
    if (outcome.state === "taken") return this.done(outcome.is_duplicate);
    if (outcome.error?.code === "NAME_TAKEN") return this.ask();
    this.fail(outcome.error?.message ?? t("upload_failed"), false);
  }

  private sendAtOnce(existing: Existing): Promise<void> {
    this.actions.replaceChildren(this.button("cancel", () => this.request?.abort()));
    const request = (this.request = new XMLHttpRequest());
    const body = new FormData();
    body.set("name", this.file.name);
    body.set("on_existing", existing);
    body.set("file", this.file.file, this.file.name);
    request.open("POST", this.owner.url);
    request.setRequestHeader("X-CSRFToken", csrf());
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    request.upload.addEventListener("progress", (event) => this.progress(event.loaded, event.total));
    return new Promise((resolve) => {
      request.addEventListener("loadend", () => {
        this.ended(request);
        resolve();
      });
      request.send(body);
    });
  }

  private progress(loaded: number, total: number): void {
    this.bar.value = total ? loaded / total : 0;
    this.say(
      loaded < total
        ? t("upload_sending", { percent: `${Math.floor((loaded / total) * 100)}%` })
        : t("upload_checking"),
    );
  }

  private ended(request: XMLHttpRequest): void {
    this.actions.replaceChildren();
    const refusal = refusalIn(request.responseText);
    if (request.status >= 200 && request.status < 300) {
      const answer = parsed(request) as { is_duplicate?: boolean } | null;
      return this.done(answer?.is_duplicate ?? false);
    }
    if (request.status === 0)
      return this.fail(
        request.readyState === 4 && this.wasAborted ? t("upload_cancelled") : t("upload_no_network"),
        true,
      );
    if (refusal?.code === "NAME_TAKEN") return this.ask();
    this.fail(refusal?.message ?? t("upload_failed"), request.status >= 500);
  }

  private get wasAborted(): boolean {
    return this.request?.status === 0 && navigator.onLine;
  }

  private done(isDuplicate: boolean): void {
    this.bar.remove();
    if (!isDuplicate) {
      this.row.remove();
      return;
    }
    this.row.dataset["state"] = "done";
    this.say(t("upload_duplicate"));
    this.actions.replaceChildren(this.dismiss());
  }

  private ask(): void {
    this.row.dataset["state"] = "asks";
    this.bar.remove();
    this.say(t("upload_name_taken"));
    const choose = (existing: Existing): void => {
      delete this.row.dataset["state"];
      this.row.append(this.bar);
      this.owner.enqueue(this, existing);
    };
    this.actions.replaceChildren(
      this.button("new_version", () => choose("version")),
      this.button("keep_both", () => choose("rename")),
      this.button("skip", () => {
        this.row.remove();
        void this.pieces?.stop();
      }),
    );
    this.owner.changed();
  }

  private fail(reason: string, mayRetry: boolean): void {
    this.row.dataset["state"] = "failed";
    this.bar.remove();
    this.say(reason);
    const retry = this.button("retry", () => {
      delete this.row.dataset["state"];
      this.row.append(this.bar);
      this.owner.enqueue(this);
    });
    this.actions.replaceChildren(...(mayRetry ? [retry] : []), this.dismiss());
  }

  private dismiss(): HTMLElement {
    const remove = (): void => {
      this.row.remove();
      this.owner.changed();
    };
    return el(
      "button",
      {
        class: "btn ghost s icon",
        type: "button",
        "aria-label": t("dismiss", { name: this.file.name }),
        onclick: remove,
      },
      icon("close"),
    );
  }

  private button(word: string, onclick: () => void): HTMLElement {
    return el("button", { class: "btn s", type: "button", onclick }, t(word));
  }

  private say(words: string): void {
    this.words.textContent = words;
  }
}

function parsed(request: XMLHttpRequest): unknown {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return null;
  }
}

function endsWithOneOf(name: string, ends: string[]): boolean {
  return ends.some((end) => name.toLowerCase().endsWith(end));
}

export class KbUpload extends HTMLElement {
  private readonly waiting: [Sending, Existing][] = [];
  private running = 0;
  private depth = 0;
  /** The document that a chosen file becomes a version of, under its name. */
  private versionOf = "";
  private readonly list = el("ul", { class: "upload-list", "aria-label": t("uploads") });
  private readonly said = el("p", { class: "sr", role: "status" });
  private readonly veil = el(
    "div",
    { class: "drop-veil", hidden: true },
    el("div", {}, icon("upload"), el("b", {}, t("drop_here"))),
  );

  get url(): string {
    return this.dataset["url"] ?? "";
  }
  /** Where large files go; empty: they are sent like the others. */
  get piecesUrl(): string {
    return this.dataset["pieces"] ?? "";
  }
  get limit(): number {
    return Number(this.dataset["limit"] ?? 0);
  }
  get suffixes(): string[] {
    return (this.dataset["suffixes"] ?? "").split(",").filter(Boolean);
  }
  get archives(): string[] {
    return (this.dataset["archives"] ?? "").split(",").filter(Boolean);
  }

  connectedCallback(): void {
    this.append(this.list, this.said);
    document.body.append(this.veil);
    for (const input of this.inputs) input.addEventListener("change", this.onChosen);
    document.addEventListener("click", this.onClick);
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"] as const)
      document.addEventListener(kind, this.onDrag);
    addEventListener("beforeunload", this.onLeave);
    if (this.piecesUrl) for (const each of unfinished(this.piecesUrl)) this.recall(each.name, each.forget);
  }

  /** Says that a file did not arrive whole: the browser must be given it once more to go on. */
  private recall(name: string, forget: () => void): void {
    const row = el("li", { class: "upload-row" });
    const drop = (): void => {
      forget();
      row.remove();
    };
    row.dataset["state"] = "asks";
    row.dataset["recalls"] = name;
    row.append(
      el("span", { class: "upload-name" }, name),
      el("span", { class: "upload-words" }, t("upload_recall")),
      el("button", { class: "btn s", type: "button", onclick: drop }, t("upload_forget")),
    );
    this.list.append(row);
  }

  disconnectedCallback(): void {
    this.veil.remove();
    document.removeEventListener("click", this.onClick);
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"] as const)
      document.removeEventListener(kind, this.onDrag);
    removeEventListener("beforeunload", this.onLeave);
  }

  private get inputs(): HTMLInputElement[] {
    return [...this.querySelectorAll<HTMLInputElement>("input[type=file]")];
  }

  add(files: Named[], existing: Existing = "ask"): void {
    for (const file of files) {
      this.list.querySelector(`[data-recalls="${CSS.escape(file.name)}"]`)?.remove();
      const sending = new Sending(file, this);
      this.list.append(sending.row);
      // Of many files in one, none can ask: one that has the name of a document is its new version.
      const isArchive = existing === "ask" && endsWithOneOf(file.name, this.archives);
      if (!sending.refuseAtOnce()) this.enqueue(sending, isArchive ? "version" : existing);
    }
    this.said.textContent = t("upload_count", { n: files.length });
  }

  enqueue(sending: Sending, existing: Existing = "ask"): void {
    this.waiting.push([sending, existing]);
    this.next();
  }

  changed(): void {
    document.body.dispatchEvent(new CustomEvent("documents-changed"));
  }

  private next(): void {
    while (this.running < AT_ONCE && this.waiting.length) {
      const [sending, existing] = this.waiting.shift()!;
      this.running += 1;
      void sending.send(existing).then(() => {
        this.running -= 1;
        this.changed();
        this.next();
      });
    }
  }

  private onClick = (event: MouseEvent): void => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-pick]") : null;
    if (!button) return;
    this.versionOf = button.dataset["name"] ?? "";
    button.closest<HTMLElement>("[popover]")?.hidePopover();
    this.inputs.find((input) => input.name === button.dataset["pick"])?.click();
  };

  private onChosen = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const one = input.files?.[0];
    if (input.name === "version" && one) this.add([{ file: one, name: this.versionOf }], "version");
    else this.add([...(input.files ?? [])].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
    input.value = "";
  };

  private onDrag = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (event.type === "dragenter") this.depth += 1;
    if (event.type === "dragleave") this.depth -= 1;
    if (event.type === "drop") {
      this.depth = 0;
      void fromDrop(event.dataTransfer).then((files) => this.add(files));
    }
    this.veil.hidden = this.depth <= 0;
  };

  private onLeave = (event: BeforeUnloadEvent): void => {
    if (this.running || this.waiting.length) event.preventDefault();
  };
}
