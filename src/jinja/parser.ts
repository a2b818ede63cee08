// Expressions, with the precedence of Jinja2's own parser (3.1), function by function.
import type { Expr, Filter } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { createOperands } from './operands.ts'

const COMPARISONS = ['==', '!=', '<', '<=', '>', '>=']
const MAX_DEPTH = 200

/** A whole expression; with `choice` false without an inline `if` of its own. */
export function parseExpression(c: Cursor, choice = true): Expr {
  return createParser(c, choice).expression()
}

/** A filter's name and arguments, as they stand behind a `|`. */
export function parseFilter(c: Cursor): Filter {
  return createParser(c, true).filterHead()
}

function createParser(c: Cursor, choice: boolean) {
  const { primary, postfix, filters, filterHead } = createOperands(c, expression)
  let depth = 0

  const from = (start: number): string => c.source.slice(start, c.peek(-1).end)

  function expression(): Expr {
    if (++depth > MAX_DEPTH) c.fail('this expression is nested too deeply')
    const result = choice || depth > 1 ? conditional() : or()
    depth--
    return result
  }
  function conditional(): Expr {
    const start = c.peek().start
    let then = or()
    while (c.skip('if')) {
      const test = or()
      const otherwise = c.skip('else') ? conditional() : undefined
      then = { kind: 'choice', test, then, otherwise, text: from(start) }
    }
    return then
  }
  function or(): Expr {
    const start = c.peek().start
    let left = and()
    while (c.skip('or')) left = { kind: 'logic', op: 'or', left, right: and(), text: from(start) }
    return left
  }
  function and(): Expr {
    const start = c.peek().start
    let left = not()
    while (c.skip('and')) left = { kind: 'logic', op: 'and', left, right: not(), text: from(start) }
    return left
  }
  function not(): Expr {
    const start = c.peek().start
    return c.skip('not') ? { kind: 'not', operand: nested(not), text: from(start) } : compare()
  }
  function compare(): Expr {
    const start = c.peek().start
    const first = sum()
    const rest: { op: string; operand: Expr }[] = []
    for (;;) {
      const { kind, value } = c.peek()
      if (kind === 'op' && COMPARISONS.includes(value)) {
        c.next()
        rest.push({ op: value, operand: sum() })
      } else if (c.skip('in')) rest.push({ op: 'in', operand: sum() })
      else if (c.at('not') && c.peek(1).kind === 'name' && c.peek(1).value === 'in') {
        c.next()
        c.next()
        rest.push({ op: 'not in', operand: sum() })
      } else break
    }
    return rest.length === 0 ? first : { kind: 'compare', first, rest, text: from(start) }
  }
  const binary = (operators: string[], operand: () => Expr) => (): Expr => {
    const start = c.peek().start
    let left = operand()
    while (c.peek().kind === 'op' && operators.includes(c.peek().value)) {
      const op = c.next().value
      left = { kind: 'binary', op, left, right: operand(), text: from(start) }
    }
    return left
  }
  const power = binary(['**'], () => unary())
  const product = binary(['*', '/', '//', '%'], power)
  const concat = binary(['~'], product)
  const sum = binary(['+', '-'], concat)

  function unary(withFilter = true): Expr {
    const start = c.peek().start
    let node: Expr
    if (c.peek().kind === 'op' && (c.at('-') || c.at('+'))) {
      const op = c.next().value as '-' | '+'
      node = { kind: 'unary', op, operand: nested(() => unary(false)), text: from(start) }
    } else node = primary()
    node = postfix(node, start)
    return withFilter ? filters(node, start) : node
  }
  function nested(parse: () => Expr): Expr {
    if (++depth > MAX_DEPTH) c.fail('this expression is nested too deeply')
    const result = parse()
    depth--
    return result
  }
  return { expression, filterHead }
}

/** `a, b` is a tuple where an expression stands alone. */
export function parseTuple(c: Cursor, choice = true): Expr {
  const start = c.peek().start
  const items = [parseExpression(c, choice)]
  if (!c.at(',')) return items[0]!
  while (c.skip(',') && c.peek().kind !== 'end') items.push(parseExpression(c, choice))
  return { kind: 'tuple', items, text: c.source.slice(start, c.peek(-1).end) }
}
