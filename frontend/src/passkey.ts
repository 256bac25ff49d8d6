/** <kb-passkey>: asks the device for a passkey, to add one or to show who one is. */

import { csrf } from "./dom";

type Publics = PublicKeyCredentialCreationOptionsJSON | PublicKeyCredentialRequestOptionsJSON;

async function posted(url: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf() },
    body: JSON.stringify(body),
  });
  const said = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Error(sentence(said));
  return said;
}

/** What the server says of a refusal, for people. */
function sentence(said: Record<string, unknown>): string {
  const error = said["error"] as { message?: string } | undefined;
  return error?.message ?? "";
}

async function answered(options: Publics): Promise<Credential | null> {
  if ("user" in options)
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

export class KbPasskey extends HTMLElement {
  connectedCallback(): void {
    const button = this.querySelector("button");
    if (!button || !("PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential)) return;
    button.hidden = false;
    button.addEventListener("click", () => void this.ask(button));
  }

  private async ask(button: HTMLButtonElement): Promise<void> {
    this.say("");
    button.disabled = true;
    try {
      const options = (await posted(this.dataset["options"] ?? "", {})) as unknown as Publics;
      const made = await answered(options);
      if (!(made instanceof PublicKeyCredential)) throw new Error();
      const name = this.querySelector<HTMLInputElement>("input")?.value ?? "";
      const to = new URL(this.dataset["answer"] ?? "", location.href);
      if (this.dataset["next"]) to.searchParams.set("next", this.dataset["next"]);
      const said = await posted(to.href, { ...made.toJSON(), name });
      location.assign(String(said["next"] ?? "/"));
    } catch (error) {
      // Whoever closes the dialog of the device gets a DOMException, whose text is for programmers.
      const words = error instanceof Error && !(error instanceof DOMException) ? error.message : "";
      this.say(words || (this.dataset["failed"] ?? ""));
    } finally {
      button.disabled = false;
    }
  }

  private say(words: string): void {
    const line = this.querySelector<HTMLElement>("[role=alert]");
    if (!line) return;
    line.textContent = words;
    line.hidden = !words;
  }
}
