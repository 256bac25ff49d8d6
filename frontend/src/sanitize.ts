/** The one way in for HTML that was made from somebody else's words. Everything not listed is dropped. */

import DOMPurify from "dompurify";

const TAGS =
  "a b blockquote br code del div em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strong sub sup table tbody td th thead tr ul".split(
    " ",
  );
const ATTRIBUTES = ["href", "title", "class", "start", "data-cite", "data-math", "data-display"];
const CLASS = /^(language-[\w+#.-]{1,30}|right|center|table)$/;
/** Addresses a person may follow. Images are not here: fetching one would tell somebody that this was read. */
const ADDRESS = /^(?:https?:\/\/|mailto:|#)/i;

const purify = DOMPurify(window);

purify.addHook("uponSanitizeAttribute", (_node, data) => {
  if (data.attrName === "class") {
    data.attrValue = data.attrValue
      .split(/\s+/)
      .filter((name) => CLASS.test(name))
      .join(" ");
    data.keepAttr = data.attrValue !== "";
  }
  if (data.attrName === "data-cite") data.keepAttr = /^\d{1,3}$/.test(data.attrValue);
});

purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  if (!node.getAttribute("href")) return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

/** The harmless part of `html`, as nodes. */
export function sanitized(html: string): DocumentFragment {
  const clean: DocumentFragment | null = purify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ADD_URI_SAFE_ATTR: ["data-cite", "data-math", "data-display"],
    ALLOWED_URI_REGEXP: ADDRESS,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  return clean ?? document.createDocumentFragment(); // nothing was left
}
