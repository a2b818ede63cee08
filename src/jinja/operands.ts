// What operators stand between: literals, names, attributes, calls, filters and tests.
import type { Args, Expr, Filter } from './ast.ts'
import type { Cursor } from './cursor.ts'
import type { Token } from './lexer.ts'
import { float } from './values.ts'

const CONSTANTS: Record<string, unknown> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
}

/** Parsers of operands; `expression` parses what stands inside of brackets. */
export function createOperands(c: Cursor, expression: () => Expr) {
  const from = (start: number): string => c.source.slice(start, c.peek(-1).end)

  function primary(): Expr {
    const token = c.next()
    const text = c.source.slice(token.start, token.end)
    if (token.kind === 'name') {
      if (Object.hasOwn(CONSTANTS, token.value)) return { kind: 'const', value: CONSTANTS[token.value], text }
      return { kind: 'name', name: token.value, text }
    }
    if (token.kind === 'number') return { kind: 'const', value: number(token), text }
    if (token.kind === 'string') {
      let value = token.value
      while (c.peek().kind === 'string') value += c.next().value
      return { kind: 'const', value, text: from(token.start) }
    }
    if (token.value === '(') {
      const inner = tuple(')')
      c.expect(')')
      return inner
    }
    if (token.value === '[') return { kind: 'list', items: list(']'), text: from(token.start) }
    if (token.value === '{') return { kind: 'dict', pairs: dict(), text: from(token.start) }
    return c.fail('expected an expression', token)
  }
  function number(token: Token): unknown {
    const text = token.value.replaceAll('_', '')
    const value = Number(text)
    const isInteger = /^(?:\d+|0[box].*)$/i.test(text)
    if (isInteger && !Number.isSafeInteger(value)) c.fail('this number is too large to stay exact: quote it', token)
    return isInteger ? value : float(value)
  }
  function list(close: string): Expr[] {
    const items: Expr[] = []
    while (!c.at(close)) {
      if (items.length > 0) c.expect(',')
      if (c.at(close)) break
      items.push(expression())
    }
    c.expect(close)
    return items
  }
  function tuple(close: string): Expr {
    const start = c.peek().start
    if (c.at(close)) return { kind: 'tuple', items: [], text: '()' }
    const items = [expression()]
    if (!c.at(',')) return items[0]!
    while (c.skip(',') && !c.at(close)) items.push(expression())
    return { kind: 'tuple', items, text: from(start) }
  }
  function dict(): [Expr, Expr][] {
    const pairs: [Expr, Expr][] = []
    while (!c.at('}')) {
      if (pairs.length > 0) c.expect(',')
      if (c.at('}')) break
      const key = expression()
      c.expect(':')
      pairs.push([key, expression()])
    }
    c.expect('}')
    return pairs
  }
  function postfix(first: Expr, start: number): Expr {
    let node = first
    for (;;) {
      if (c.peek().kind !== 'op') return node
      if (c.skip('.')) {
        const token = c.next()
        if (token.kind === 'name') node = { kind: 'attr', target: node, name: token.value, text: from(start) }
        else if (token.kind === 'number' && /^\d+$/.test(token.value)) {
          const index: Expr = { kind: 'const', value: Number(token.value), text: token.value }
          node = { kind: 'item', target: node, index, text: from(start) }
        } else c.fail('expected a name or number', token)
      } else if (c.skip('[')) node = subscript(node, start)
      else if (c.at('(')) node = { kind: 'call', target: node, args: args(), text: from(start) }
      else return node
    }
  }
  function subscript(target: Expr, start: number): Expr {
    const first = c.at(':') ? undefined : expression()
    if (!c.skip(':')) {
      c.expect(']')
      return { kind: 'item', target, index: first!, text: from(start) }
    }
    const part = () => (c.at(':') || c.at(']') ? undefined : expression())
    const stop = part()
    const step = c.skip(':') ? part() : undefined
    c.expect(']')
    return { kind: 'slice', target, start: first, stop, step, text: from(start) }
  }
  function filters(first: Expr, start: number): Expr {
    let node = first
    for (;;) {
      if (c.peek().kind === 'op' && c.skip('|')) {
        node = { kind: 'filter', target: node, ...filterHead(), text: from(start) }
      } else if (c.peek().kind === 'name' && c.skip('is')) node = test(node, start)
      else if (c.peek().kind === 'op' && c.at('('))
        node = { kind: 'call', target: node, args: args(), text: from(start) }
      else return node
    }
  }
  function filterHead(): Filter {
    const name = dottedName()
    return { name, args: c.peek().kind === 'op' && c.at('(') ? args() : none(), document: c.document }
  }
  function test(target: Expr, start: number): Expr {
    const negated = c.skip('not')
    const name = dottedName()
    let given = none()
    const { kind, value } = c.peek()
    if (kind === 'op' && value === '(') given = args()
    else if (
      (kind === 'name' && !['else', 'or', 'and'].includes(value)) ||
      kind === 'string' ||
      kind === 'number' ||
      (kind === 'op' && '[{'.includes(value))
    ) {
      // `x is defined if y`: Jinja2 takes any other name for the test's argument; these words can only go on from here.
      if (kind === 'name' && ['if', 'is', 'in', 'not'].includes(value)) {
        if (value !== 'if') c.fail('expected the end of the test')
      } else {
        const at = c.peek().start
        given = { positional: [postfix(primary(), at)], named: [] }
      }
    }
    return { kind: 'test', target, name, args: given, negated, document: c.document, text: from(start) }
  }
  function dottedName(): string {
    let name = c.expectName()
    while (c.peek().kind === 'op' && c.skip('.')) name += `.${c.expectName()}`
    return name
  }
  function args(): Args {
    const given = none()
    c.expect('(')
    while (!c.at(')')) {
      if (given.positional.length + given.named.length > 0 || given.spread || given.spreadNamed) {
        c.expect(',')
        if (c.at(')')) break
      }
      if (c.at('*') || c.at('**')) {
        if (!c.document) c.fail("unpacking arguments with '*' is not available")
        const part = c.next().value === '*' ? 'spread' : 'spreadNamed'
        if (given[part] || (part === 'spread' && given.spreadNamed))
          c.fail('arguments are unpacked twice, or in the wrong order')
        given[part] = expression()
        continue
      }
      if (c.peek().kind === 'name' && c.peek(1).kind === 'op' && c.peek(1).value === '=') {
        const name = c.expectName()
        c.next()
        given.named.push([name, expression()])
      } else if (given.named.length > 0) c.fail('positional arguments come before named ones')
      else given.positional.push(expression())
    }
    c.expect(')')
    return given
  }
  return { primary, postfix, filters, filterHead }
}

function none(): Args {
  return { positional: [], named: [] }
}
