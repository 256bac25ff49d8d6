/** A footnote never begins a line, and what closes the sentence after it stays with it. */

const CLOSING = /^[。，、；：！？…,.;:!?)\]）」』”’]+/;

/** The last text before a citation, if it is in plain text or in one short run (bold, doubted). */
function lastBefore(chip: Element): Text | null {
  const before = chip.previousSibling;
  if (before instanceof Text) return before;
  const inside = before instanceof Element && before.matches("strong, em, span.doubt, code") ? before.lastChild : null;
  return inside instanceof Text ? inside : null;
}

/** Move the last character of `text` into a place of its own, dressed as the text was. */
function lastCharacter(text: Text, chip: Element): Node | null {
  text.data = text.data.trimEnd();
  const last = Array.from(text.data).at(-1);
  if (!last) return null;
  text.data = text.data.slice(0, -last.length);
  if (text.parentElement === chip.parentElement) return document.createTextNode(last);
  const dress = text.parentElement!.cloneNode(false);
  dress.appendChild(document.createTextNode(last));
  return dress;
}

/** Bind a citation to the character before it and to the punctuation behind it. */
export function tie(chip: HTMLElement): void {
  const before = chip.previousSibling;
  const isNext = before instanceof Element && before.matches(".tied") && before.lastChild instanceof Element;
  if (isNext) {
    before.append(chip);
    closeBehind(before);
    return;
  }
  const text = lastBefore(chip);
  const last = text ? lastCharacter(text, chip) : null;
  if (!last) return;
  const holder = document.createElement("span");
  holder.className = "tied";
  chip.replaceWith(holder);
  holder.append(last, chip);
  closeBehind(holder);
}

function closeBehind(holder: Element): void {
  const behind = holder.nextSibling;
  if (
    behind instanceof Element &&
    behind.matches("span.doubt") &&
    CLOSING.exec(behind.textContent ?? "")?.[0] === behind.textContent
  ) {
    holder.append(behind);
    return;
  }
  const closing = behind instanceof Text ? CLOSING.exec(behind.data)?.[0] : undefined;
  if (!closing) return;
  (behind as Text).data = (behind as Text).data.slice(closing.length);
  holder.append(closing);
}
