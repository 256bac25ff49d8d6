/** Words for people. They come translated from the server, in <script type="application/json"> blocks. */

let words: Record<string, string> | null = null;

function load(): Record<string, string> {
  const all: Record<string, string> = {};
  for (const block of document.querySelectorAll('script[type="application/json"][id^="strings-"]')) {
    Object.assign(all, JSON.parse(block.textContent ?? "{}"));
  }
  return all;
}

/** The sentence called `key`, with {name}s filled in. `{n}` also picks `key_one` where a language has it. */
export function t(key: string, values: Record<string, string | number> = {}): string {
  words ??= load();
  const n = values["n"];
  const isOne =
    typeof n === "number" && new Intl.PluralRules(document.documentElement.lang || "en").select(n) === "one";
  const sentence = (isOne ? words[`${key}_one`] : undefined) ?? words[key] ?? key;
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? number(value) : value;
  });
}

/** Forget what was read; for tests and for pages whose blocks arrive by a swap. */
export function forget(): void {
  words = null;
}

export function number(value: number): string {
  return new Intl.NumberFormat(document.documentElement.lang || "en").format(value);
}

/** Bytes as people say them; the same rule as the `size` filter of the pages. */
export function size(bytes: number): string {
  let value = bytes;
  for (const unit of ["B", "KB", "MB"]) {
    if (value < 1000) return `${value.toFixed(unit === "MB" && value < 10 ? 1 : 0)} ${unit}`;
    value /= 1024;
  }
  return `${value.toFixed(1)} GB`;
}
