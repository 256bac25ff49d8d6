/** Markdown of an answer → nodes: citations become marks, formulas and code wait for their libraries. */

import MarkdownIt, { type StateInline, type Token } from "markdown-it";
import cjkFriendly from "markdown-it-cjk-friendly";
import { sanitized } from "./sanitize";

const MOST_SOURCES = 999;

/** `[2]` is a citation, unless it is the text of a link. */
function citation(state: StateInline, silent: boolean): boolean {
  const match = /^\[(\d{1,3})\](?![([])|^\[(\d{1,3})\](?=\[\d{1,3}\])/.exec(state.src.slice(state.pos, state.pos + 8));
  const number = Number(match?.[1] ?? match?.[2] ?? 0);
  const env = state.env as { sources?: number };
  if (!match || number < 1 || number > (env.sources ?? MOST_SOURCES)) return false;
  if (!silent) state.push("citation", "span", 0).content = String(number);
  state.pos += match[0].length;
  return true;
}

/** `$x^2$`, `$$…$$`, `\(…\)`, `\[…\]`. A dollar sign before a figure stays money: "$5 and $6". */
const MATH = /^(?:\$\$([^$]+)\$\$|\$(?!\s)((?:\\.|[^$\\\n])+?)(?<!\s)\$(?!\d)|\\\(([\s\S]+?)\\\)|\\\[([\s\S]+?)\\\])/;

function math(state: StateInline, silent: boolean): boolean {
  const char = state.src[state.pos];
  if (char !== "$" && char !== "\\") return false;
  const match = MATH.exec(state.src.slice(state.pos));
  const content = match?.[1] ?? match?.[2] ?? match?.[3] ?? match?.[4];
  if (!match || !content) return false;
  if (!silent) {
    const token = state.push("math", "span", 0);
    token.content = content.trim();
    token.meta = { isDisplay: match[1] !== undefined || match[4] !== undefined };
  }
  state.pos += match[0].length;
  return true;
}

/** The policy forbids style attributes, which is how a table's columns would be aligned. */
function alignByClass(tokens: Token[]): void {
  for (const token of tokens) {
    if (token.type !== "td_open" && token.type !== "th_open") continue;
    const side = /text-align:(right|center)/.exec(String(token.attrGet("style") ?? ""))?.[1];
    token.attrs = side ? [["class", side]] : null;
  }
}

function made(): InstanceType<typeof MarkdownIt> {
  const md = new MarkdownIt({ html: false, linkify: false, typographer: false, breaks: true });
  md.use(cjkFriendly);
  // "[1]: see below" is a sentence here, not a definition; and a picture is an address that is fetched.
  md.disable(["reference", "image"]);
  md.inline.ruler.before("link", "citation", citation);
  md.inline.ruler.before("escape", "math", math);
  md.core.ruler.push("align", (state) => alignByClass(state.tokens));
  const escape = md.utils.escapeHtml;
  md.renderer.rules["citation"] = (tokens, at) => `<span data-cite="${escape(tokens[at]!.content)}"></span>`;
  md.renderer.rules["math"] = (tokens, at) => {
    const { content, meta } = tokens[at]!;
    return `<span data-math="${escape(content)}"${(meta as { isDisplay: boolean }).isDisplay ? ' data-display="1"' : ""}></span>`;
  };
  md.renderer.rules["table_open"] = () => '<div class="table"><table>';
  md.renderer.rules["table_close"] = () => "</table></div>";
  return md;
}

const md = made();

/** Private-use characters stand for the borders of unsupported sentences while Markdown is read. */
const OPEN = "\uE000";
const CLOSE = "\uE001";

/** Put the borders inside the marks of Markdown, so that "- **x**" stays a list item with bold text. */
export function withBorders(text: string, spans: [number, number][]): string {
  const points = Array.from(text.replace(/[\uE000\uE001]/g, " "));
  const at = new Map<number, string>();
  for (let [start, end] of spans) {
    while (start < end && /[\s*_~`#>|+-]/.test(points[start] ?? "")) start += 1;
    const number = /^\d+[.)]\s+/.exec(points.slice(start, Math.min(end, start + 6)).join(""));
    if (number && (start === 0 || points[start - 1] === "\n")) start += number[0].length;
    while (end > start && /[\s*_~`|]/.test(points[end - 1] ?? "")) end -= 1;
    if (end <= start) continue;
    at.set(start, (at.get(start) ?? "") + OPEN);
    at.set(end, CLOSE + (at.get(end) ?? ""));
  }
  return points.map((point, i) => (at.get(i) ?? "") + point).join("") + (at.get(points.length) ?? "");
}

/** Text between the borders gets `wrap`; the borders themselves go. */
function wrapBetween(root: DocumentFragment, wrap: () => HTMLElement): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const nodes: Text[] = [];
  while (walker.nextNode()) nodes.push(walker.currentNode as Text);
  let isInside = false;
  for (const node of nodes) {
    const pieces = node.data.split(/([\uE000\uE001])/);
    if (pieces.length === 1 && !isInside) continue;
    const parts: Node[] = [];
    for (const piece of pieces) {
      if (piece === OPEN) isInside = true;
      else if (piece === CLOSE) isInside = false;
      else if (piece && isInside && piece.trim()) {
        const span = wrap();
        span.textContent = piece;
        parts.push(span);
      } else if (piece) parts.push(document.createTextNode(piece));
    }
    node.replaceWith(...parts);
  }
}

export interface Rendering {
  sources: number;
  unsupported?: [number, number][];
  doubtTitle?: string;
}

/** The answer as safe nodes. Citations are `span[data-cite]`, formulas `span[data-math]`. */
export function rendered(text: string, { sources, unsupported = [], doubtTitle = "" }: Rendering): DocumentFragment {
  const fragment = sanitized(md.render(withBorders(text, unsupported), { sources }));
  wrapBetween(fragment, () => {
    const span = document.createElement("span");
    span.className = "doubt";
    if (doubtTitle) span.title = doubtTitle;
    return span;
  });
  return fragment;
}

/** While an answer streams, a citation or a fence that is half there would flicker. */
export function withoutLooseEnd(text: string): string {
  return text.replace(/\[\d{0,3}$/, "").replace(/(^|\n)(`{1,2}|[-*+]|\d+\.|#{1,6})$/, "$1");
}

/** Libraries that most answers never need come when a formula or code is there. */
export async function enrich(root: ParentNode): Promise<void> {
  const formulas = [...root.querySelectorAll<HTMLElement>("span[data-math]")];
  const codes = [...root.querySelectorAll<HTMLElement>('pre > code[class*="language-"]')];
  if (formulas.length) {
    const { default: katex } = await import("katex");
    for (const span of formulas) {
      const displayMode = span.dataset["display"] === "1";
      katex.render(span.dataset["math"] ?? "", span, {
        output: "mathml",
        throwOnError: false,
        displayMode,
        trust: false,
      });
    }
  }
  if (codes.length) {
    const { default: highlighter } = await import("highlight.js/lib/common");
    const { highlighted } = await import("./code");
    for (const code of codes) highlighted(highlighter, code);
  }
}
