import { describe, expect, it } from "vitest";
import { rendered, withBorders, withoutLooseEnd } from "./markdown";

function html(text: string, options: Partial<Parameters<typeof rendered>[1]> = {}): string {
  const box = document.createElement("div");
  box.append(rendered(text, { sources: 9, ...options }));
  return box.innerHTML.trim();
}

describe("citations", () => {
  it("are marks", () => expect(html("Ten days [1].")).toBe('<p>Ten days <span data-cite="1"></span>.</p>'));
  it("stand side by side", () => expect(html("a[1][2]").match(/data-cite/g)).toHaveLength(2));
  it("of no source stay text", () => expect(html("see [7]", { sources: 3 })).toBe("<p>see [7]</p>"));
  it("are not made in code", () => expect(html("`a[1]`")).toBe("<p><code>a[1]</code></p>"));
  it("do not eat links", () => expect(html("[1](https://example.com)")).toContain('href="https://example.com"'));
  it("are made in tables", () =>
    expect(html("|a|b|\n|-|-|\n|5|[1]|")).toContain('<td><span data-cite="1"></span></td>'));
  it("at the start of a line are no definition", () => expect(html("[1]: first")).toContain('data-cite="1"'));
});

describe("Chinese", () => {
  it("is bold beside its punctuation", () =>
    expect(html("每年享有**10 天。**年休假")).toContain("<strong>10 天。</strong>"));
});

describe("unsupported sentences", () => {
  it("are wrapped", () =>
    expect(html("Yes. No!", { unsupported: [[5, 8]] })).toBe('<p>Yes. <span class="doubt">No!</span></p>'));
  it("count characters, not code units", () =>
    expect(html("😀 ab", { unsupported: [[2, 4]] })).toBe('<p>😀 <span class="doubt">ab</span></p>'));
  it("leave a list a list", () =>
    expect(html("- **a** b", { unsupported: [[0, 9]] })).toMatch(/^<ul>[\s\S]*class="doubt"/));
  it("leave a numbered list a list", () => expect(html("1. a b", { unsupported: [[0, 6]] })).toMatch(/^<ol>/));
  it("go over bold text", () => expect(html("a **b** c", { unsupported: [[0, 9]] }).match(/doubt/g)).toHaveLength(3));
  it("leave no border behind", () => expect(html("x", { unsupported: [[0, 1]] })).not.toMatch(/[\uE000\uE001]/));
  it("ignore borders in the text itself", () => expect(withBorders("a\uE000b", [])).toBe("a b"));
});

describe("formulas", () => {
  it("wait for their library", () => expect(html("$x^2$")).toBe('<p><span data-math="x^2"></span></p>'));
  it("are not money", () => expect(html("from $5 to $6")).toBe("<p>from $5 to $6</p>"));
  it("cannot break out of their attribute", () =>
    expect(html('$a"><img src=x onerror=alert(1)>$')).not.toContain("<img"));
});

describe("tables", () => {
  it("are aligned without style attributes", () => {
    const made = html("|a|\n|-:|\n|1|");
    expect(made).toContain('<td class="right">1</td>');
    expect(made).not.toContain("style");
  });
});

describe("a loose end", () => {
  it("of a citation waits", () => expect(withoutLooseEnd("ten days [1")).toBe("ten days "));
  it("of a list waits", () => expect(withoutLooseEnd("a\n-")).toBe("a\n"));
  it("is nothing else", () => expect(withoutLooseEnd("a [1] b")).toBe("a [1] b"));
});
