// What may reach a terminal: no text that others wrote can move the cursor, change colours, hide or reorder characters.

// C0, DEL and C1 (a bare U+009B opens an escape sequence too), marks that reorder or hide text, line separators.
const UNSAFE =
  /[\p{Cc}\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]/gu

const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** One line that is safe to print: each unsafe character becomes its visible escape (`\n`, `\x1b`, `\u202e`). */
export function cleanText(text: string): string {
  return text.toWellFormed().replace(UNSAFE, char => SHORT[char] ?? visibleEscape(char))
}

/** JSON on one line; what JSON would leave as it is but a terminal would obey is written as `\uXXXX`, which is the same JSON. */
export function cleanJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, jsonEscape)
}

/** JSON over several lines. */
export function prettyJson(value: unknown, indent = 2): string[] {
  return JSON.stringify(value, undefined, indent)
    .split('\n')
    .map(line => line.replace(UNSAFE, jsonEscape))
}

function visibleEscape(char: string): string {
  const code = char.codePointAt(0)!
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`
  return code <= 0xffff ? jsonEscape(char) : `\\u{${code.toString(16)}}`
}

/** A character outside the first plane is two escapes, as JSON wants it. */
function jsonEscape(char: string): string {
  let out = ''
  for (let i = 0; i < char.length; i++) out += `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`
  return out
}
