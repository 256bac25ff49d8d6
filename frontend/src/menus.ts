/** Drawer, dialogs, menus, copying and confirming: what a page's own HTML asks for with data attributes. */

const GAP = 6;

/** Put an opened menu beside its button, inside the window. */
function place(menu: HTMLElement): void {
  const button = document.querySelector<HTMLElement>(`[popovertarget="${CSS.escape(menu.id)}"]`);
  if (!button) return;
  const at = button.getBoundingClientRect();
  const box = menu.getBoundingClientRect();
  const isBelow = at.bottom + GAP + box.height <= innerHeight || at.top - GAP - box.height < 0;
  const left = at.left + box.width <= innerWidth - 8 ? at.left : at.right - box.width;
  menu.style.top = `${Math.max(8, isBelow ? at.bottom + GAP : at.top - GAP - box.height)}px`;
  menu.style.left = `${Math.max(8, left)}px`;
}

function moveInMenu(event: KeyboardEvent): void {
  const menu = event.target instanceof Element ? event.target.closest<HTMLElement>(".menu[popover]") : null;
  if (!menu || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
  const items = [...menu.querySelectorAll<HTMLElement>("a, button, input")].filter(
    (item) => item.offsetParent !== null,
  );
  const step = event.key === "ArrowDown" ? 1 : -1;
  const next = items[(items.indexOf(document.activeElement as HTMLElement) + step + items.length) % items.length];
  next?.focus();
  event.preventDefault();
}

/** Ask before something irreversible. Resolves to whether the person said yes. */
export function confirmed(question: string, word = ""): Promise<boolean> {
  const dialog = document.getElementById("confirm");
  if (!(dialog instanceof HTMLDialogElement)) return Promise.resolve(window.confirm(question));
  dialog.querySelector("#confirm-text")!.textContent = question;
  const yes = dialog.querySelector<HTMLElement>("[data-confirm-yes]")!;
  yes.dataset["usual"] ??= yes.textContent ?? "";
  yes.textContent = word || yes.dataset["usual"];
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function confirmSubmit(event: SubmitEvent): Promise<void> {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.dataset["confirm"] || form.dataset["confirmed"]) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!(await confirmed(form.dataset["confirm"], form.dataset["confirmWord"]))) return;
  form.dataset["confirmed"] = "yes";
  form.requestSubmit(event.submitter);
  delete form.dataset["confirmed"];
}

async function copy(button: HTMLElement): Promise<void> {
  const from = document.querySelector(button.dataset["copy"] ?? "");
  const text = from instanceof HTMLInputElement ? from.value : (from?.textContent ?? "");
  await copyText(text.trim());
  button.dataset["state"] = "copied";
  setTimeout(() => delete button.dataset["state"], 1600);
}

/** To the clipboard; without the permission (plain http) through a selection. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function drawer(isOpen: boolean): void {
  document.body.classList.toggle("drawer-open", isOpen);
  if (isOpen) document.querySelector<HTMLElement>(".side a, .side button")?.focus();
  else document.querySelector<HTMLElement>("[data-drawer]")?.focus();
}

/** One dialog renames every row: its form gets the row's address and name. */
function fill(dialog: HTMLDialogElement, address: string, name: string): void {
  const form = dialog.querySelector("form");
  const field = dialog.querySelector<HTMLInputElement>('input[name="name"]');
  form?.setAttribute("hx-post", address);
  form?.setAttribute("action", address);
  if (!field) return;
  field.value = name;
  // The name without its suffix is what people change.
  setTimeout(() => field.setSelectionRange(0, name.lastIndexOf(".") > 0 ? name.lastIndexOf(".") : name.length));
}

/** The details of a document: beside its pages, shown when wanted. */
function details(): void {
  const panel = document.getElementById("details");
  if (!panel) return;
  panel.hidden = !panel.hidden;
  panel.classList.toggle("open", !panel.hidden);
  for (const button of document.querySelectorAll("[data-details][aria-expanded]"))
    button.setAttribute("aria-expanded", String(!panel.hidden));
}

function clicked(event: MouseEvent): void {
  const target = event.target instanceof Element ? event.target : null;
  if (!target) return;
  const opener = target.closest<HTMLElement>("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset["dialog"] ?? "");
    if (dialog instanceof HTMLDialogElement) {
      if (opener.dataset["rename"]) fill(dialog, opener.dataset["rename"], opener.dataset["name"] ?? "");
      dialog.showModal();
    }
    opener.closest<HTMLElement>("[popover]")?.hidePopover();
  } else if (target.closest("[data-close]")) {
    target.closest("dialog")?.close();
  } else if (target.closest("[data-drawer]")) {
    drawer(true);
  } else if (target.closest("[data-drawer-close]")) {
    drawer(false);
  }
  if (target.closest("[data-details]")) details();
  const copier = target.closest<HTMLElement>("[data-copy]");
  if (copier) void copy(copier);
  // A click on the backdrop is a click on the dialog itself.
  if (target instanceof HTMLDialogElement && target.open) target.close();
}

export function startMenus(): void {
  document.addEventListener("click", clicked);
  document.addEventListener("submit", (event) => void confirmSubmit(event), { capture: true });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    // The theme is seen at once, and perhaps changed again.
    if (form instanceof HTMLElement && !form.matches("[data-theme-form]"))
      form.closest<HTMLElement>(".menu[popover]")?.hidePopover();
  });
  document.addEventListener("keydown", moveInMenu);
  // The page of a document that is still being read shows it anew once something happened to it.
  document.body.addEventListener("documents-changed", () => {
    if (document.querySelector("[data-reload-on-change]")) location.reload();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("drawer-open")) drawer(false);
  });
  document.addEventListener("change", (event) => {
    if (event.target instanceof HTMLElement && event.target.matches("[data-submit]")) {
      (event.target as HTMLSelectElement).form?.requestSubmit();
    }
  });
  // "toggle" does not bubble; it is caught on its way down.
  document.addEventListener(
    "toggle",
    (event) => {
      const menu = event.target;
      if (!(menu instanceof HTMLElement) || !menu.matches(".menu[popover]")) return;
      const isOpen = menu.matches(":popover-open");
      if (isOpen) place(menu);
      // htmx copies attributes to what it swaps in, and a style attribute is against the CSP.
      else menu.removeAttribute("style");
      document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`)?.setAttribute("aria-expanded", String(isOpen));
    },
    { capture: true },
  );
}
