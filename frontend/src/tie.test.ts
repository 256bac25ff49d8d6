import { describe, expect, it } from "vitest";
import { tie } from "./tie";

function tied(html: string): string {
  const box = document.createElement("p");
  box.innerHTML = html;
  for (const chip of box.querySelectorAll<HTMLElement>("button")) tie(chip);
  return box.innerHTML;
}

describe("a citation", () => {
  it("stays with the character before and the stop behind", () =>
    expect(tied("年休假<button>1</button>。其他")).toBe('年休<span class="tied">假<button>1</button>。</span>其他'));
  it("loses the space before it", () =>
    expect(tied("to the party <button>1</button>. After")).toBe(
      'to the part<span class="tied">y<button>1</button>.</span> After',
    ));
  it("after bold text stays with its last character in bold", () =>
    expect(tied("<strong>10 天</strong><button>1</button>。")).toBe(
      '<strong>10 </strong><span class="tied"><strong>天</strong><button>1</button>。</span>',
    ));
  it("beside another joins it", () =>
    expect(tied("报酬<button>1</button><button>2</button>。")).toBe(
      '报<span class="tied">酬<button>1</button><button>2</button>。</span>',
    ));
  it("takes a doubted stop along", () =>
    expect(tied('<span class="doubt">总部</span><button>1</button><span class="doubt">。</span>')).toBe(
      '<span class="doubt">总</span><span class="tied"><span class="doubt">部</span><button>1</button><span class="doubt">。</span></span>',
    ));
  it("alone in a cell is left alone", () => expect(tied("<button>1</button>")).toBe("<button>1</button>"));
  it("does not cut a character in two", () =>
    expect(tied("好😀<button>1</button>")).toBe('好<span class="tied">😀<button>1</button></span>'));
});
