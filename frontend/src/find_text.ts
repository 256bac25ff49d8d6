/** Finding words in laid-out text: spaces, letter case and the borders of elements do not count. */

const NAME = "found";
const HERE = "found-here";

/** Text as it is compared: no spaces, lower case, one form of each character. */
export function plain(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(/\s+/g, "");
}

interface Letter {
  node: Text;
  at: number;
}

/** Ranges over every place where `words` stands below `root`. */
export function rangesOf(root: Node, words: string): Range[] {
  const wanted = plain(words);
  if (!wanted) return [];
  const letters: Letter[] = [];
  let text = "";
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode as Text;
    for (let at = 0; at < node.data.length; at += 1) {
      for (const letter of plain(node.data[at]!)) {
        text += letter;
        letters.push({ node, at });
      }
    }
  }
  const ranges: Range[] = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const first = letters[at]!;
    const last = letters[at + wanted.length - 1]!;
    const range = document.createRange();
    range.setStart(first.node, first.at);
    range.setEnd(last.node, last.at + 1);
    ranges.push(range);
  }
  return ranges;
}

export function count(text: string, words: string): number {
  const wanted = plain(words);
  return wanted ? plain(text).split(wanted).length - 1 : 0;
}

/** Paint ranges without touching the page; a browser that cannot only scrolls to them. */
export function paint(ranges: Range[], here: Range | null): void {
  if (!("highlights" in CSS)) return;
  CSS.highlights.set(NAME, new Highlight(...ranges));
  CSS.highlights.set(HERE, new Highlight(...(here ? [here] : [])));
}

export function unpaint(): void {
  if (!("highlights" in CSS)) return;
  CSS.highlights.delete(NAME);
  CSS.highlights.delete(HERE);
}
