/** The theme buttons: seen at once, kept by the server. Without script the form posts and comes back. */

import { csrf } from "./dom";

async function choose(event: SubmitEvent): Promise<void> {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.matches("[data-theme-form]")) return;
  const button = event.submitter;
  if (!(button instanceof HTMLButtonElement)) return;
  event.preventDefault();
  document.documentElement.dataset["theme"] = button.value;
  for (const one of form.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one === button));
  await fetch(form.action, {
    method: "POST",
    headers: { "X-CSRFToken": csrf() },
    body: new URLSearchParams({ theme: button.value }),
    redirect: "manual",
  });
}

export function startTheme(): void {
  document.addEventListener("submit", (event) => void choose(event));
}
