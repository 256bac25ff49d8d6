/** <kb-onward>: a form that goes on by itself. Its button does the same where no scripts run. */

export class KbOnward extends HTMLElement {
  connectedCallback(): void {
    this.querySelector("form")?.submit();
  }
}
