/** Stands in for the package `entities` in the bundle: the browser has the table of names already. */

const area = document.createElement("textarea");

/** `&auml;` → ä. Only whole entities come here; a text area parses nothing else than entities. */
export function decodeHTMLStrict(text: string): string {
  area.innerHTML = text;
  return area.value;
}
