/** <kb-find>: ⌘K. Finds workspaces, documents and conversations; the server renders the list. */

import { isTyping } from "./dom";

const WAIT_MS = 140;

export class KbFind extends HTMLElement {
  private timer = 0;
  private asked = 0;

  connectedCallback(): void {
    document.addEventListener("keydown", this.onShortcut);
    document.addEventListener("click", this.onClick);
    this.input.addEventListener("input", this.onInput);
    this.input.addEventListener("keydown", this.onKey);
  }

  disconnectedCallback(): void {
    document.removeEventListener("keydown", this.onShortcut);
    document.removeEventListener("click", this.onClick);
  }

  private get dialog(): HTMLDialogElement {
    return this.querySelector("dialog")!;
  }
  private get input(): HTMLInputElement {
    return this.querySelector("input")!;
  }
  private get list(): HTMLElement {
    return this.querySelector("[role=listbox]")!;
  }
  private get options(): HTMLElement[] {
    return [...this.list.querySelectorAll<HTMLElement>("[role=option]")];
  }

  open(): void {
    if (this.dialog.open) return;
    this.input.value = "";
    this.dialog.showModal();
    this.input.focus();
    void this.ask();
  }

  private onShortcut = (event: KeyboardEvent): void => {
    if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      this.open();
    }
  };

  private onClick = (event: MouseEvent): void => {
    if (event.target instanceof Element && event.target.closest("[data-find]")) this.open();
  };

  private onInput = (): void => {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.ask(), WAIT_MS);
  };

  private onKey = (event: KeyboardEvent): void => {
    if (event.isComposing || !isTyping(event)) return;
    const options = this.options;
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.select((at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % Math.max(1, options.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      (options[at] ?? options[0])?.click();
    }
  };

  private select(index: number): void {
    this.options.forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === index));
      option.id ||= `find-option-${i}`;
      if (i !== index) return;
      option.scrollIntoView({ block: "nearest" });
      this.input.setAttribute("aria-activedescendant", option.id);
    });
  }

  private async ask(): Promise<void> {
    const mine = ++this.asked;
    const url = `${this.dataset["url"] ?? ""}?q=${encodeURIComponent(this.input.value.trim())}`;
    const response = await fetch(url, { headers: { "HX-Request": "true" } });
    const html = response.ok ? await response.text() : "";
    if (mine !== this.asked) return; // a later question was faster
    // The server's own template, escaped there; scripts in it stay dead under the policy.
    this.list.innerHTML = html;
    this.select(0);
  }
}
