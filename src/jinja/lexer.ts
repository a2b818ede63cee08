// A template's text to pieces: plain text, and the tokens of each `{{ }}` and `{% %}`, with Jinja2's default whitespace rules.
import { ReactorError } from '../base/errors.ts'

export type TokenKind = 'name' | 'number' | 'string' | 'op' | 'end'
export interface Token {
  kind: TokenKind
  /** The name, the operator, the string's value, the number's text. */
  value: string
  start: number
  end: number
}
export type Piece =
  | { kind: 'text'; value: string }
  | { kind: 'output' | 'block'; tokens: Token[]; start: number; end: number }

const OPERATOR = /\*\*|\/\/|==|!=|<=|>=|[-+*/%~<>=()[\]{}.,:|;]/y
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy
const NUMBER =
  /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|(?:\d(?:_?\d)*)(?:\.\d(?:_?\d)*(?:[eE][-+]?\d(?:_?\d)*)?|[eE][-+]?\d(?:_?\d)*)?/y
const STRING = /'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)"/y
const SPACE = /\s+/y
const OPEN = /\{([{%#])([-+]?)/g
const RAW = /\{%[-+]?\s*raw\s*(-?)%\}([\s\S]*?)\{%(-?)[+]?\s*endraw\s*([-+]?)%\}/y
const CLOSING: Record<string, string> = { ')': '(', ']': '[', '}': '{' }

/** Throws `template` with what is wrong and where. */
export function lex(source: string): Piece[] {
  // Jinja2 takes away one newline at the end of a template.
  const text = source.replace(/\r?\n$/, '')
  const pieces: Piece[] = []
  let at = 0
  let trimNext = false
  const addText = (value: string, trimEnd: boolean) => {
    let kept = trimNext ? value.trimStart() : value
    if (trimEnd) kept = kept.trimEnd()
    if (kept !== '') pieces.push({ kind: 'text', value: kept })
    trimNext = false
  }
  while (at < text.length) {
    OPEN.lastIndex = at
    const open = OPEN.exec(text)
    addText(text.slice(at, open?.index), open?.[2] === '-')
    if (!open) break
    at = open.index
    RAW.lastIndex = at
    const raw = RAW.exec(text)
    if (raw) {
      trimNext = raw[1] === '-'
      addText(raw[2]!, raw[3] === '-')
      trimNext = raw[4] === '-'
      at = RAW.lastIndex
    } else if (open[1] === '#') {
      const end = text.indexOf('#}', at + 2)
      if (end < 0) throw fault(text, at, "a comment '{#' is never closed")
      trimNext = text[end - 1] === '-'
      at = end + 2
    } else {
      const inside = at + open[0].length
      const found = tokens(text, inside, open[1] === '{' ? '}}' : '%}', at)
      pieces.push({ kind: open[1] === '{' ? 'output' : 'block', tokens: found.tokens, start: inside, end: found.inner })
      trimNext = found.trim
      at = found.end
    }
  }
  return pieces
}

function tokens(text: string, from: number, close: string, open: number) {
  const found: Token[] = []
  const brackets: string[] = []
  const match = (pattern: RegExp, at: number) => {
    pattern.lastIndex = at
    return pattern.exec(text)
  }
  for (let at = from; at < text.length; ) {
    const trim = text[at] === '-' || text[at] === '+' ? 1 : 0
    if (brackets.length === 0 && text.startsWith(close, at + trim)) {
      found.push({ kind: 'end', value: close, start: at, end: at })
      return { tokens: found, inner: at, end: at + trim + 2, trim: trim === 1 && text[at] === '-' }
    }
    const space = match(SPACE, at)
    if (space) {
      at += space[0].length
      continue
    }
    const hit =
      token('string', match(STRING, at)) ??
      token('number', match(NUMBER, at)) ??
      token('name', match(NAME, at)) ??
      token('op', match(OPERATOR, at))
    if (!hit)
      throw fault(
        text,
        at,
        text[at] === '"' || text[at] === "'" ? 'a string is never closed' : `unexpected '${text[at]}'`,
      )
    if (hit.kind === 'op' && '([{'.includes(hit.value)) brackets.push(hit.value)
    else if (hit.kind === 'op' && CLOSING[hit.value] !== undefined && brackets.pop() !== CLOSING[hit.value])
      throw fault(text, at, `unexpected '${hit.value}'`)
    found.push(hit)
    at = hit.end
  }
  throw fault(text, open, `'${text.slice(open, open + 2)}' is never closed by '${close}'`)
}

function token(kind: TokenKind, match: RegExpExecArray | null): Token | undefined {
  if (!match) return undefined
  const value = kind === 'string' ? unescapeText(match[1] ?? match[2]!) : match[0]
  return { kind, value, start: match.index, end: match.index + match[0].length }
}

const ESCAPES: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
  '0': '\0',
  '\n': '',
}

/** Python's escapes; an unknown one stays as it is written. */
function unescapeText(text: string): string {
  return text.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U(00[\da-fA-F]{6})|([\s\S]))/g,
    (all, x, u, long, one) => {
      const hex = x ?? u ?? long
      if (hex !== undefined) {
        const code = Number.parseInt(hex, 16)
        return code <= 0x10ffff ? String.fromCodePoint(code) : all
      }
      return `'"\\`.includes(one) ? one : (ESCAPES[one] ?? all)
    },
  )
}

export function fault(source: string, at: number, message: string): ReactorError {
  const around = source.slice(Math.max(0, at - 20), at + 40).replace(/\s+/g, ' ')
  return new ReactorError('template', `${message} (near '${around}')`, { at })
}
