/** <kb-ask>: the box on the home page. The question is handed to the page of its workspace, which asks it. */

export const HANDED_OVER = "footnote.question";

export class KbAsk extends HTMLElement {
  connectedCallback(): void {
    const form = this.querySelector("form")!;
    const area = form.querySelector("textarea")!;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const question = area.value.trim();
      if (!question) return area.focus();
      // Not in the address: an address that asks when it is opened could be sent to somebody.
      sessionStorage.setItem(HANDED_OVER, question);
      location.assign(form.querySelector("select")?.value ?? this.dataset["anywhere"] ?? "/");
    });
    area.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      form.requestSubmit();
    });
    document.addEventListener("keydown", this.onKey);
    if (matchMedia("(hover: hover)").matches) area.focus();
  }

  disconnectedCallback(): void {
    document.removeEventListener("keydown", this.onKey);
  }

  private onKey = (event: KeyboardEvent): void => {
    const isTyping = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
    if (event.key !== "/" || isTyping || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    this.querySelector("textarea")?.focus();
  };
}
