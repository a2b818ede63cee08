// A template compiled once into closures, rendered as often as wanted, within a bound on work and size. It reaches
// nothing but the values it is given.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { applyFilters, type Expr, type Statement, type Target } from './ast.ts'
import { compileDirect } from './direct.ts'
import { compileExpression } from './expressions.ts'
import { rootScope } from './globals.ts'
import { parseTemplate } from './parse.ts'
import { printText } from './print.ts'
import { lookUp, type Scope } from './scope.ts'
import { failure, iterate, type Method, missing, NAMESPACE, need, toPlain, truthy, type Value } from './values.ts'

export interface Template {
  /**
   * A template that is one expression gives its value as plain JSON, any other gives text.
   * Throws `template` naming the expression.
   */
  render(names: Readonly<Record<string, unknown>>): unknown
}

type Signal = 'break' | 'continue' | undefined
type Run = (scope: Scope, out: string[]) => Signal

/** Rules say the same again and again (`{{ data.id }}`): one template serves them all. */
const compiled = new Map<string, Template>()
const MOST_KEPT = 10_000
const LONGEST_KEPT = 500

/** Throws `template` when the source has a mistake: syntax, an unknown filter or test. */
export function compileTemplate(source: string): Template {
  const before = compiled.get(source)
  if (before) return before
  const template = compileSource(source)
  if (source.length > LONGEST_KEPT) return template
  if (compiled.size >= MOST_KEPT) compiled.clear()
  compiled.set(source, template)
  return template
}

function compileSource(source: string): Template {
  const statements = parseTemplate(source)
  const [only] = statements
  const whole = statements.length === 1 && only?.kind === 'output' ? located(only.expr, asPlain) : undefined
  const run = compileBody(statements)
  const direct = compileDirect(statements)
  return {
    render(names) {
      const value = direct?.(names)
      if (value !== undefined) return value
      const scope = rootScope(names)
      try {
        if (whole) return whole(scope)
        const out: string[] = []
        run(scope, out)
        return out.join('')
      } catch (error) {
        if (error instanceof ReactorError) throw error
        // Deep recursion through values that hold themselves ends in the engine's own error.
        throw new ReactorError('template', `the template cannot be rendered: ${errorMessage(error)}`, {}, error)
      }
    },
  }
}

/** An expression, finished in some way, whose errors say where they come from. */
function located<T>(expr: Expr, finish: (value: Value, scope: Scope) => T): (scope: Scope) => T {
  const evaluate = compileExpression(expr)
  return scope => {
    try {
      return finish(evaluate(scope), scope)
    } catch (error) {
      if (!(error instanceof ReactorError) || error.details.expression !== undefined) throw error
      const place = error.message.startsWith(`${expr.text} is `) ? '' : `, in '${expr.text}'`
      throw new ReactorError('template', error.message + place, { expression: expr.text }, error)
    }
  }
}

const asIs = (value: Value) => value
const asPlain = (value: Value, scope: Scope) => toPlain(value, scope.context.budget)
const asText = (value: Value, scope: Scope) => printText(value, scope.context.budget)

function compileBody(statements: readonly Statement[]): Run {
  const runs = statements.map(compileStatement)
  return (scope, out) => {
    for (const run of runs) {
      const signal = run(scope, out)
      if (signal !== undefined) return signal
    }
    return undefined
  }
}

function compileStatement(statement: Statement): Run {
  switch (statement.kind) {
    case 'text':
      return (scope, out) => emit(statement.value, scope, out)
    case 'output': {
      const print = located(statement.expr, asText)
      return (scope, out) => emit(print(scope), scope, out)
    }
    case 'do': {
      const evaluate = located(statement.expr, asIs)
      return scope => void evaluate(scope)
    }
    case 'if': {
      const branches = statement.branches.map(({ test, body }) => ({
        test: located(test, asIs),
        run: compileBody(body),
      }))
      const otherwise = compileBody(statement.otherwise)
      return (scope, out) => (branches.find(({ test }) => truthy(test(scope)))?.run ?? otherwise)(scope, out)
    }
    case 'for':
      return compileFor(statement)
    case 'set': {
      const evaluate = located(statement.value, asIs)
      return scope => assign(statement.target, evaluate(scope), scope)
    }
    case 'capture':
      return compileCapture(statement)
    case 'with': {
      const values = statement.values.map(([target, value]) => ({ target, value: located(value, asIs) }))
      const run = compileBody(statement.body)
      return (scope, out) => {
        const inner = innerScope(scope)
        for (const { target, value } of values) assign(target, value(scope), inner)
        return run(inner, out)
      }
    }
    case 'break':
    case 'continue':
      return () => statement.kind
  }
}

function emit(text: string, scope: Scope, out: string[]): undefined {
  scope.context.budget.spend(1, text.length)
  out.push(text)
}

function innerScope(parent: Scope): Scope {
  return { names: new Map(), parent, context: parent.context }
}

function compileCapture(statement: Extract<Statement, { kind: 'capture' }>): Run {
  const run = compileBody(statement.body)
  // The captured text reaches the filters under a name that no template can write.
  const filtered = compileExpression(applyFilters({ kind: 'name', name: '(captured)', text: '' }, statement.filters))
  return (scope, out) => {
    const inner = innerScope(scope)
    const captured: string[] = []
    const signal = run(inner, captured)
    const holder = innerScope(scope)
    holder.names.set('(captured)', captured.join(''))
    const value = filtered(holder)
    if (statement.target) assign(statement.target, value, scope)
    else emit(printText(value, scope.context.budget), scope, out)
    return signal
  }
}

function compileFor(statement: Extract<Statement, { kind: 'for' }>): Run {
  const iter = located(statement.iter, asIs)
  const only = statement.only && located(statement.only, asIs)
  const body = compileBody(statement.body)
  const otherwise = compileBody(statement.otherwise)
  return (scope, out) => {
    const { budget } = scope.context
    const all = iterate(iter(scope), budget).slice()
    budget.spend(all.length)
    const inLoop = (value: Value) => {
      const inner = innerScope(scope)
      assign(statement.target, value, inner)
      return inner
    }
    const items = only ? all.filter(value => truthy(only(inLoop(value)))) : all
    if (items.length === 0) return otherwise(scope, out)
    for (const [index, value] of items.entries()) {
      budget.spend(1)
      const inner = inLoop(value)
      inner.names.set('loop', loopValue(items, index))
      if (body(inner, out) === 'break') break
    }
    return undefined
  }
}

function loopValue(items: Value[], index: number): Value {
  return {
    index: index + 1,
    index0: index,
    revindex: items.length - index,
    revindex0: items.length - index - 1,
    first: index === 0,
    last: index === items.length - 1,
    length: items.length,
    depth: 1,
    depth0: 0,
    previtem: index === 0 ? missing('loop.previtem') : items[index - 1],
    nextitem: index === items.length - 1 ? missing('loop.nextitem') : items[index + 1],
    cycle: ((args: Value[]) =>
      args.length > 0 ? args[index % args.length] : missing('loop.cycle()')) satisfies Method,
  }
}

function assign(target: Target, value: Value, scope: Scope): undefined {
  if (target.kind === 'name') scope.names.set(target.name, value)
  else if (target.kind === 'tuple') {
    const values = iterate(need(value), scope.context.budget)
    if (values.length !== target.items.length)
      throw failure(`${target.items.length} names cannot take ${values.length} values`)
    for (const [index, inner] of target.items.entries()) assign(inner, values[index], scope)
  } else {
    const found = lookUp(scope, target.name)
    if (typeof found !== 'object' || found === null || !(NAMESPACE in found))
      throw failure(`'${target.name}.${target.attr}' can be set on a namespace() only`)
    ;(found as unknown as { [NAMESPACE]: Map<string, Value> })[NAMESPACE].set(target.attr, value)
  }
}
