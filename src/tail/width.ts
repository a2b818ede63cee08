// How many terminal columns a text takes, and cutting it to fit: wide characters (CJK, emoji) take two, marks take none.

let segmenter: Intl.Segmenter | undefined
/** Made when it is first needed: that takes 20 ms, and most texts are ASCII. */
const graphemes = (text: string): Intl.Segments => {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' })
  return segmenter.segment(text)
}
const ASCII = /^[ -~]*$/
const NO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]+$/u
const EMOJI = /\p{Emoji_Presentation}|\p{Emoji}\ufe0f|[\u{1f1e6}-\u{1f1ff}]/u

/** First and last code points of the ranges that Unicode's East Asian Width table calls wide or full-width, emoji aside. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x3247],
  [0x3250, 0x4dbf],
  [0x4e00, 0xa4c6],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6b],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2ff],
  [0x20000, 0x3fffd],
]

/** Columns of a text without control characters. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes(text)) width += graphemeWidth(segment)
  return width
}

/** The text if it fits `columns`, else its beginning with `…`. */
export function cut(text: string, columns: number): string {
  if (columns <= 0) return ''
  // No character takes less than none, and none is longer than this many units in practice: the rest cannot show.
  const head = text.length > columns * 16 ? text.slice(0, columns * 16).toWellFormed() : text
  if (head.length === text.length && displayWidth(text) <= columns) return text
  return `${takeColumns(segmentsOf(head), columns - 1)}…`
}

/** The text if it fits, else its beginning and its end around a `…`: the last part of a tag often tells most. */
export function cutMiddle(text: string, columns: number): string {
  if (columns < 8) return cut(text, columns)
  if (text.length <= columns * 16 && displayWidth(text) <= columns) return text
  const tail = Math.floor((columns - 1) / 2)
  const head = takeColumns(segmentsOf(text.slice(0, columns * 16)), columns - 1 - tail)
  const end = takeColumns(segmentsOf(text.slice(-columns * 16)).reverse(), tail, true)
  return `${head}…${end}`
}

/** The text over several lines of at most `columns`, broken between words where they fit; the last of `most` is cut. */
export function wrap(text: string, columns: number, most: number): string[] {
  const lines: string[] = []
  let rest = text
  while (lines.length < most - 1 && displayWidth(rest) > columns) {
    const full = takeColumns(segmentsOf(rest.slice(0, columns * 16)), columns)
    const space = full.lastIndexOf(' ')
    const line = space > columns / 3 ? full.slice(0, space) : full
    lines.push(line)
    rest = rest.slice(line.length).trimStart()
  }
  return [...lines, cut(rest, columns)]
}

/** The text followed by spaces up to `columns`. */
export function padTo(text: string, columns: number): string {
  const width = displayWidth(text)
  return width >= columns ? text : text + ' '.repeat(columns - width)
}

const segmentsOf = (text: string): string[] => Array.from(graphemes(text.toWellFormed()), part => part.segment)

function takeColumns(segments: readonly string[], columns: number, backwards = false): string {
  let out = ''
  let width = 0
  for (const segment of segments) {
    width += graphemeWidth(segment)
    if (width > columns) break
    out = backwards ? segment + out : out + segment
  }
  return out
}

function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0)!
  if (code < 0x300) return EMOJI.test(grapheme) && grapheme.length > 1 ? 2 : 1
  if (NO_WIDTH.test(grapheme)) return 0
  if (EMOJI.test(grapheme)) return 2
  return WIDE.some(([low, high]) => code >= low && code <= high) ? 2 : 1
}
