/** The passages tab: a passage that is clicked is shown in the reader beside it. */

import type { Box } from "./pdf_view";

interface Reader extends HTMLElement {
  show(page: number | null, boxes: Box[]): void;
}

interface Htmx {
  ajax(method: string, url: string, options: { target: HTMLElement; swap: string }): Promise<void>;
}

/** Shows a passage; false where there is no reader beside the list (a narrow screen). */
function show(passage: HTMLElement): boolean {
  const pane = document.querySelector<HTMLElement>("[data-passage-reader]");
  if (!pane?.offsetParent) return false;
  for (const other of document.querySelectorAll("[data-passage][aria-current]")) other.removeAttribute("aria-current");
  passage.setAttribute("aria-current", "true");
  const reader = pane.querySelector<Reader>("kb-reader");
  if (reader?.dataset["kind"] === "pdf")
    reader.show(Number(passage.dataset["page"]) || 1, JSON.parse(passage.dataset["boxes"] || "[]") as Box[]);
  else {
    const htmx = (window as unknown as { htmx: Htmx }).htmx;
    void htmx.ajax("GET", passage.dataset["reader"] ?? "", { target: pane, swap: "innerHTML" });
  }
  return true;
}

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element) || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const passage = event.target.closest<HTMLElement>("[data-passage]");
  if (!passage || event.target.closest("button, form, summary, textarea")) return;
  const link = event.target.closest("a");
  if (link && !link.matches("[data-show-passage]")) return;
  if (!link && String(getSelection())) return; // text is being selected
  if (show(passage)) event.preventDefault();
});
