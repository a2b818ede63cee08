// The words of a compound expression: operators, parentheses, and operands with their place.
import { malformed, type Source } from './problem.ts'

export interface Word {
  kind: 'and' | 'or' | 'not' | '(' | ')' | 'operand'
  text: string
  /** Where it begins in the expression. */
  at: number
}

/** `letter@pattern`, or for grains and pillar `letter`, a delimiter of their own, `@`. */
export const LETTERED = /^(?:([GPIJ])(.)?|([A-Z]))@/su

/** Words parted by white space; parentheses at a word's ends are words of their own. */
export function wordsOf(source: Source): Word[] {
  return [...source.text.matchAll(/\S+/gu)].flatMap(({ 0: text, index }) => splitWord(text, index, source))
}

/** The same of a list of words, in which a word may hold spaces; `source.text` is the words with a space between. */
export function wordsOfList(words: readonly string[], source: Source): Word[] {
  let at = 0
  return words.flatMap(text => {
    const found = splitWord(text, at, source)
    at += text.length + 1
    return found
  })
}

function splitWord(text: string, start: number, source: Source): Word[] {
  const words: Word[] = []
  let [from, to] = [0, text.length]
  for (let opened = true; opened; ) {
    const [operator] = /^(?:and|or|not)(?=\(|\)|$)/.exec(text.slice(from)) ?? []
    if (operator) words.push({ kind: operator as 'and' | 'or' | 'not', text: operator, at: start + from })
    from += operator?.length ?? 0
    opened = text[from] === '('
    if (opened) words.push({ kind: '(', text: '(', at: start + from++ })
  }
  const { unopened, unclosed } = parentheses(text, from)
  let closing = 0
  while (closing < unopened.length && unopened.at(-1 - closing) === to - 1) {
    closing++
    to--
  }
  const operand = text.slice(from, to)
  if (operand !== '') {
    // Within a regex they are the regex's own matter.
    const stray = LETTERED.test(operand) ? undefined : (unopened[unopened.length - closing - 1] ?? unclosed[0])
    if (stray !== undefined)
      throw malformed(source, start + stray, `a parenthesis within a word; it needs a space around it`)
    words.push({ kind: 'operand', text: operand, at: start + from })
  }
  for (let at = to; at < text.length; at++) words.push({ kind: ')', text: ')', at: start + at })
  return words
}

/** Places of the parentheses in a word that have no partner in it; after a backslash they are letters. */
function parentheses(text: string, from: number): { unopened: number[]; unclosed: number[] } {
  const [unopened, unclosed]: [number[], number[]] = [[], []]
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '(') unclosed.push(at)
    else if (text[at] === ')' && unclosed.pop() === undefined) unopened.push(at)
  }
  return { unopened, unclosed }
}
