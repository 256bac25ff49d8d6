/** Colours for code. highlight.js gives HTML of spans; they are rebuilt as elements, never parsed from it unchecked. */

import type { HLJSApi } from "highlight.js";

export function highlighted(highlighter: HLJSApi, code: HTMLElement): void {
  const language = /language-([\w+#.-]+)/.exec(code.className)?.[1] ?? "";
  if (!highlighter.getLanguage(language)) return;
  const source = code.textContent ?? "";
  const { value } = highlighter.highlight(source, { language, ignoreIllegals: true });
  const parsed = new DOMParser().parseFromString(value, "text/html").body;
  // Its own spans only, and only if not a letter of the code was changed.
  const isOwn = [...parsed.querySelectorAll("*")].every(
    (node) => node.tagName === "SPAN" && /^hljs-[\w -]+$/.test(node.className),
  );
  if (isOwn && parsed.textContent === source) code.replaceChildren(...parsed.childNodes);
}
