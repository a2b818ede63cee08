// A whole template: text, outputs and the blocks `if for set with filter do break continue raw`. What can load other
// templates or define code (`import`, `include`, `macro`, `call`) is for documents alone, and refused by name elsewhere.
import { didYouMean } from '../base/suggest.ts'
import type { Expr, Filter, Statement, Target } from './ast.ts'
import { type Cursor, createCursor } from './cursor.ts'
import { fault, lex, type Piece } from './lexer.ts'
import { DOCUMENT_BLOCKS, type Documented, documentStatement } from './parse-document.ts'
import { parseExpression, parseFilter, parseTuple } from './parser.ts'

const BLOCKS = ['if', 'for', 'set', 'with', 'filter', 'do', 'break', 'continue', 'raw']
const REFUSED = ['extends', 'block', 'autoescape', 'trans', 'profile']
const KEYWORDS = new Set([
  'and',
  'or',
  'not',
  'in',
  'is',
  'if',
  'else',
  'elif',
  'for',
  'true',
  'false',
  'none',
  'True',
  'False',
  'None',
])
const MAX_DEPTH = 50

/** Throws `template` with what is wrong and where. */
export function parseTemplate(source: string, document = false): Statement[] {
  const pieces = lex(source)
  let index = 0
  let depth = 0
  let loops = 0

  /** Statements up to a block that begins with one of `ends`; that block's cursor stands behind its name. */
  function body(
    opened: string,
    ends: readonly string[],
  ): { statements: Statement[]; end: string; cursor: Cursor | undefined } {
    if (++depth > MAX_DEPTH) throw fault(source, 0, 'blocks are nested too deeply')
    const statements: Statement[] = []
    for (; index < pieces.length; ) {
      const piece = pieces[index++]!
      if (piece.kind === 'text') statements.push({ kind: 'text', value: piece.value })
      else if (piece.kind === 'output') {
        const c = createCursor(source, piece.tokens, document)
        statements.push({ kind: 'output', expr: finished(c, parseTuple(c)), at: piece.start })
      } else {
        const c = createCursor(source, piece.tokens, document)
        const name = c.expectName()
        if (ends.includes(name)) {
          depth--
          return { statements, end: name, cursor: c }
        }
        statements.push({ ...block(name, c, piece), at: piece.start })
      }
    }
    if (opened !== '') throw fault(source, source.length, `'{% ${opened} %}' is never closed by '{% ${ends.at(-1)} %}'`)
    depth--
    return { statements, end: '', cursor: undefined }
  }

  function block(name: string, c: Cursor, piece: Piece & { kind: 'block' | 'output' }): Statement {
    if (name === 'if') return parseIf(c)
    if (name === 'for') return parseFor(c)
    if (name === 'set') return parseSet(c)
    if (name === 'with') return parseWith(c)
    if (name === 'do') return { kind: 'do', expr: finished(c, parseTuple(c)) }
    if (name === 'filter') {
      const filters = pipeline(c, true)
      return { kind: 'capture', target: undefined, filters, body: closed('filter', 'endfilter') }
    }
    if (name === 'break' || name === 'continue') {
      if (loops === 0) throw fault(source, piece.start, `'${name}' stands outside of a loop`)
      return finished(c, { kind: name })
    }
    const only = document ? documentStatement(name, c, tools) : undefined
    if (only) return only
    const known = document ? [...BLOCKS, ...DOCUMENT_BLOCKS] : BLOCKS
    if (REFUSED.includes(name) || DOCUMENT_BLOCKS.includes(name))
      throw fault(source, piece.start, `'{% ${name} %}' is not available${document ? '' : ' in rules'}`)
    throw fault(source, piece.start, `unknown block '${name}'.${didYouMean(name, known)}`)
  }

  function closed(name: string, end: string): Statement[] {
    const { statements, cursor } = body(name, [end])
    finished(cursor!, undefined)
    return statements
  }

  function parseIf(first: Cursor): Statement {
    const branches: Extract<Statement, { kind: 'if' }>['branches'] = []
    let c = first
    for (;;) {
      const at = c.peek().start
      const test = finished(c, parseTuple(c, false))
      const inner = body('if', ['elif', 'else', 'endif'])
      branches.push({ test, body: inner.statements, at })
      c = inner.cursor!
      if (inner.end === 'elif') continue
      finished(c, undefined)
      return { kind: 'if', branches, otherwise: inner.end === 'else' ? closed('if', 'endif') : [] }
    }
  }

  function parseFor(c: Cursor): Statement {
    const target = parseTarget(c)
    c.expect('in')
    const iter = parseTuple(c, false)
    const only = c.skip('if') ? parseExpression(c) : undefined
    const recursive = document && c.skip('recursive')
    finished(c, undefined)
    loops++
    const inner = body('for', ['else', 'endfor'])
    loops--
    finished(inner.cursor!, undefined)
    const otherwise = inner.end === 'else' ? closed('for', 'endfor') : []
    return { kind: 'for', target, iter, only, body: inner.statements, otherwise, recursive }
  }

  function parseSet(c: Cursor): Statement {
    const target = parseTarget(c, true)
    if (c.skip('=')) return { kind: 'set', target, value: finished(c, parseTuple(c)) }
    const filters = pipeline(c, false)
    return { kind: 'capture', target, filters, body: closed('set', 'endset') }
  }

  function parseWith(c: Cursor): Statement {
    const values: [Target, Expr][] = []
    while (c.peek().kind !== 'end') {
      if (values.length > 0) c.expect(',')
      const target = parseTarget(c, false, true)
      c.expect('=')
      values.push([target, parseExpression(c)])
    }
    return { kind: 'with', values, body: closed('with', 'endwith') }
  }

  const tools: Documented = {
    closed(name, end) {
      const around = loops
      loops = 0
      const inner = closed(name, end)
      loops = around
      return inner
    },
    target: parseTarget,
    finished,
  }
  return body('', []).statements
}

export function parseTarget(c: Cursor, attributes = false, single = false): Target {
  const one = (): Target => {
    if (c.skip('(')) {
      const inner = parseTarget(c)
      c.expect(')')
      return inner
    }
    const token = c.peek()
    const name = c.expectName()
    if (KEYWORDS.has(name)) c.fail(`'${name}' cannot be assigned to`, token)
    return attributes && c.skip('.') ? { kind: 'attr', name, attr: c.expectName() } : { kind: 'name', name }
  }
  const items = [one()]
  if (single || !c.at(',')) return items[0]!
  while (c.skip(',') && !c.at('in') && !c.at('=')) items.push(one())
  return { kind: 'tuple', items }
}

/** `|upper|trim`, or `upper|trim` behind `filter`. */
function pipeline(c: Cursor, first: boolean): Filter[] {
  const filters: Filter[] = []
  for (let inline = first; inline || c.skip('|'); inline = false) filters.push(parseFilter(c))
  return finished(c, filters)
}

function finished<T>(c: Cursor, value: T): T {
  if (c.peek().kind !== 'end') c.fail('unexpected text')
  return value
}
