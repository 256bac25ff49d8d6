/** On every page: htmx, menus, ⌘K, uploads and live rows. The islands start themselves when they appear. */

import htmx from "htmx.org";
import { KbAsk } from "./ask";
import { csrf } from "./dom";
import { KbFind } from "./find";
import { KbLive } from "./live";
import { confirmed, startMenus } from "./menus";
import { KbOnward } from "./onward";
import { KbPasskey } from "./passkey";
import { startTheme } from "./theme";
import { KbUpload } from "./upload";

document.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-CSRFToken"] = csrf();
});

document.addEventListener("htmx:confirm", (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  const source = ctx.sourceElement as HTMLElement;
  event.preventDefault();
  void confirmed(source.getAttribute("hx-confirm") ?? "", source.dataset["confirmWord"]).then((yes) =>
    yes ? issueRequest() : dropRequest(),
  );
});

if (/Mac|iPhone|iPad/.test(navigator.platform)) {
  for (const key of document.querySelectorAll<HTMLElement>("kbd[data-shortcut]"))
    key.textContent = `⌘${key.dataset["shortcut"] ?? ""}`;
}

/** A form in a dialog was accepted: the server says which dialog may close. */
document.addEventListener("close-dialog", (event) => {
  const id = (event as CustomEvent<{ value?: string }>).detail?.value ?? "";
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement)) return;
  dialog.querySelector("form")?.reset();
  dialog.close();
});

startMenus();
startTheme();
customElements.define("kb-ask", KbAsk);
customElements.define("kb-find", KbFind);
customElements.define("kb-live", KbLive);
customElements.define("kb-onward", KbOnward);
customElements.define("kb-passkey", KbPasskey);
customElements.define("kb-upload", KbUpload);
// Islands of other bundles refresh rows through it.
(window as unknown as { htmx: typeof htmx }).htmx = htmx;
