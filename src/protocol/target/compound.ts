// Compound targets: patterns of every type joined by `and`, `or`, `not` and parentheses, bound as in Python.
import { ReactorError } from '../../base/errors.ts'
import { compilePlain } from './plain.ts'
import { malformed, type Source, show } from './problem.ts'
import { type Compiled, type Compiling, MAX_DEPTH, MAX_OPERANDS, type PlainType } from './types.ts'
import { LETTERED, type Word } from './words.ts'

const LETTERS: Readonly<Record<string, PlainType>> = {
  G: 'grain',
  P: 'grain_pcre',
  I: 'pillar',
  J: 'pillar_pcre',
  L: 'list',
  S: 'ipcidr',
  E: 'pcre',
}

/** Throws `bad_argument` with the place of what is wrong. */
export function compileCompound(words: readonly Word[], source: Source, env: Compiling): Compiled {
  let next = 0
  let operands = 0
  const peek = (): Word | undefined => words[next]
  const wrong = (at: number, message: string) => malformed(source, at, message)

  const disjunction = (): Compiled => {
    const terms = [conjunction()]
    while (peek()?.kind === 'or') {
      next++
      terms.push(conjunction())
    }
    return join(terms, minions => minion => minions.some(term => term.matches(minion)))
  }

  const conjunction = (): Compiled => {
    const terms = [negation()]
    // Salt reads `a not b` as `a and not b`.
    while (peek()?.kind === 'and' || peek()?.kind === 'not') {
      if (peek()?.kind === 'and') next++
      terms.push(negation())
    }
    return join(terms, minions => minion => minions.every(term => term.matches(minion)))
  }

  const negation = (): Compiled => {
    let negated = false
    let any = false
    for (; peek()?.kind === 'not'; next++) [negated, any] = [!negated, true]
    const term = primary()
    if (!any) return term
    return { ...term, listed: [], ...(negated ? { matches: minion => !term.matches(minion) } : {}) }
  }

  const primary = (): Compiled => {
    const word = words[next]
    const before = words[next - 1]
    const wanted = `expected a target ${before ? `after '${before.text}'` : 'here'}`
    if (!word) throw wrong(source.text.length, wanted)
    if (word.kind !== '(' && word.kind !== 'operand') throw wrong(word.at, `${wanted}, got '${word.text}'`)
    next++
    if (word.kind === '(') return parenthesis(word)
    const found = operand(word)
    operands += found.operands
    if (operands > MAX_OPERANDS)
      throw wrong(word.at, `more than ${MAX_OPERANDS} targets, those of the nodegroups counted; use a list (L@)`)
    return found
  }

  const parenthesis = (open: Word): Compiled => {
    if (++env.depth > MAX_DEPTH) throw wrong(open.at, `parentheses and nodegroups nested more than ${MAX_DEPTH} deep`)
    const inner = disjunction()
    env.depth--
    const close = peek()
    if (!close) throw wrong(open.at, "this '(' is never closed")
    if (close.kind !== ')') throw twoInARow(close)
    next++
    return { ...inner, height: inner.height + 1 }
  }

  const operand = (word: Word): Compiled => {
    try {
      return compileOperand(word.text, env)
    } catch (error) {
      // What is wrong in a nodegroup shows the place there.
      if (!(error instanceof ReactorError) || error.code !== 'bad_argument' || 'at' in error.details) throw error
      throw malformed(source, word.at, error.message, error)
    }
  }

  const twoInARow = (word: Word): ReactorError => {
    const before = words[next - 1]
    const hint = [before, word].map(near => near && operatorMeant(near.text)).find(Boolean)
    const spaced = before?.kind === 'operand' && LETTERED.test(before.text)
    const meant = hint
      ? `; the operator is written '${hint}'`
      : spaced
        ? '; a space within a pattern is written ?, in a regex \\s'
        : ''
    return wrong(word.at, `expected 'and' or 'or' before ${show(word.text)}${meant}`)
  }

  const whole = disjunction()
  const rest = peek()
  if (rest?.kind === ')') throw wrong(rest.at, "this ')' closes nothing")
  if (rest) throw twoInARow(rest)
  return whole
}

function join(terms: readonly Compiled[], combine: (terms: readonly Compiled[]) => Compiled['matches']): Compiled {
  if (terms.length === 1) return terms[0]!
  return {
    matches: combine(terms),
    listed: terms.flatMap(term => term.listed),
    operands: terms.reduce((sum, term) => sum + term.operands, 0),
    height: Math.max(...terms.map(term => term.height)),
  }
}

/** The operator that was meant by `AND`, `&&`, `||`, `!` and the like. */
export function operatorMeant(text: string): 'and' | 'or' | 'not' | undefined {
  if (/^(?:AND|And|&&?)$/.test(text)) return 'and'
  if (/^(?:OR|Or|\|\|?)$/.test(text)) return 'or'
  return /^(?:NOT|Not|!)$/.test(text) ? 'not' : undefined
}

function compileOperand(text: string, env: Compiling): Compiled {
  const [mark, keyed, delimiter, other] = LETTERED.exec(text) ?? []
  if (mark === undefined) return compileWord(text, env)
  const letter = (keyed ?? other)!
  const pattern = text.slice(mark.length)
  if (letter === 'R') throw badLetter('R@ (range) needs a range server, which is not supported; use a list (L@)')
  const type = LETTERS[letter]
  if (!type && letter !== 'N')
    throw badLetter(`unknown letter '${letter}@': expected one of ${[...Object.keys(LETTERS), 'N'].join('@ ')}@`)
  if (pattern.trim() === '') throw badLetter(`expected a pattern after '${mark}'`)
  if (!type) return env.group(pattern)
  const exact = env.pillarExact && (type === 'pillar' || type === 'pillar_pcre')
  return compilePlain(exact ? 'pillar_exact' : type, pattern, env, delimiter)
}

/** A word without a letter is a glob, unless it looks like one whose letter is wrong. */
function compileWord(text: string, env: Compiling): Compiled {
  const [, small, delimiter] = /^(?:([gpijlsenr])|[ELSNR](\W))@/.exec(text) ?? []
  if (small !== undefined) throw badLetter(`letters are capital: write '${small.toUpperCase()}@' for '${small}@'`)
  if (delimiter !== undefined) throw badLetter('only G, P, I and J take a delimiter before the @')
  if (/\s/u.test(text)) throw badLetter('a word of a list is one word; ids hold no white space')
  return compilePlain('glob', text, env)
}

const badLetter = (message: string): ReactorError => new ReactorError('bad_argument', message)
