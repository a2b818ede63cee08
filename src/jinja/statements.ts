// Statements compiled into closures that write text, once.
import { ReactorError } from '../base/errors.ts'
import { applyFilters, type Expr, type Statement } from './ast.ts'
import { compileDocumentStatement } from './document-statements.ts'
import { faultyLine, lineAt, type SourceFile } from './excerpt.ts'
import { compileExpression } from './expressions.ts'
import { type LoopState, loopValue } from './loop.ts'
import { printText } from './print.ts'
import { assign, emit, innerScope, type Scope } from './scope.ts'
import { failure, iterate, need, truthy, type Value } from './values.ts'

const MAX_DEPTH = 100

export type Signal = 'break' | 'continue' | undefined
export type Run = (scope: Scope, out: string[]) => Signal

/** An expression, finished in some way, whose errors say where they come from. */
export function located<T>(expr: Expr, finish: (value: Value, scope: Scope) => T): (scope: Scope) => T {
  const evaluate = compileExpression(expr)
  return scope => {
    try {
      return finish(evaluate(scope), scope)
    } catch (error) {
      if (!(error instanceof ReactorError) || error.details.expression !== undefined) throw error
      const place = error.message.startsWith(`${expr.text} is `) ? '' : `, in '${expr.text}'`
      throw new ReactorError(error.code, error.message + place, { ...error.details, expression: expr.text }, error)
    }
  }
}

const asIs = (value: Value) => value
const asText = (value: Value, scope: Scope) => printText(value, scope.context.budget)

/** With a file, errors say which of its lines they come from. */
export function compileBody(statements: readonly Statement[], file?: SourceFile): Run {
  const runs = statements.map(statement => placed(compileStatement(statement, file), statement.at, file))
  return (scope, out) => {
    for (const run of runs) {
      const signal = run(scope, out)
      if (signal !== undefined) return signal
    }
    return undefined
  }
}

/** The same, whose errors name the line; those of a line further in have theirs already. */
function placed<Rest extends unknown[], T>(
  run: (...args: Rest) => T,
  at: number | undefined,
  file: SourceFile | undefined,
): (...args: Rest) => T {
  if (file === undefined || at === undefined) return run
  return (...args) => {
    try {
      return run(...args)
    } catch (error) {
      if (!(error instanceof ReactorError) || error.details.line !== undefined) throw error
      throw faultyLine(wording(error), file, lineAt(file.text, at), error)
    }
  }
}

/** In Salt's words. */
function wording({ message, details }: ReactorError): string {
  if (typeof details.undefined !== 'string') return `Jinja error: ${message}`
  const rest = message.startsWith(details.undefined) ? message.slice(details.undefined.length) : ` is undefined`
  return `Jinja variable '${details.undefined}'${rest}`
}

function compileStatement(statement: Statement, file: SourceFile | undefined): Run {
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
      const branches = statement.branches.map(({ test, body, at }) => ({
        test: placed(located(test, truthy), at, file),
        run: compileBody(body, file),
      }))
      const otherwise = compileBody(statement.otherwise, file)
      return (scope, out) => (branches.find(({ test }) => test(scope))?.run ?? otherwise)(scope, out)
    }
    case 'for':
      return compileFor(statement, file)
    case 'set': {
      const evaluate = located(statement.value, asIs)
      return scope => assign(statement.target, evaluate(scope), scope)
    }
    case 'capture':
      return compileCapture(statement, file)
    case 'with': {
      const values = statement.values.map(([target, value]) => ({ target, value: located(value, asIs) }))
      const run = compileBody(statement.body, file)
      return (scope, out) => {
        const inner = innerScope(scope)
        for (const { target, value } of values) assign(target, value(scope), inner)
        return run(inner, out)
      }
    }
    case 'break':
    case 'continue':
      return () => statement.kind
    default:
      return compileDocumentStatement(statement, body => compileBody(body, file), file?.path ?? '')
  }
}

function compileCapture(statement: Extract<Statement, { kind: 'capture' }>, file: SourceFile | undefined): Run {
  const run = compileBody(statement.body, file)
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

function compileFor(statement: Extract<Statement, { kind: 'for' }>, file: SourceFile | undefined): Run {
  const iter = located(statement.iter, asIs)
  const only = statement.only && located(statement.only, truthy)
  const body = compileBody(statement.body, file)
  const otherwise = compileBody(statement.otherwise, file)

  const through = (all: Value[], scope: Scope, out: string[], depth: number): Signal => {
    const { budget } = scope.context
    budget.spend(all.length)
    const inLoop = (value: Value) => {
      const inner = innerScope(scope)
      assign(statement.target, value, inner)
      return inner
    }
    const items = only ? all.filter(value => only(inLoop(value))) : all
    if (items.length === 0) return otherwise(scope, out)
    const state: LoopState = { items, depth }
    if (statement.recursive)
      state.again = children => {
        if (depth > MAX_DEPTH) throw failure(`a recursive loop goes more than ${MAX_DEPTH} deep`)
        const written: string[] = []
        through(iterate(need(children), budget).slice(), scope, written, depth + 1)
        return written.join('')
      }
    for (const [index, value] of items.entries()) {
      budget.spend(1)
      const inner = inLoop(value)
      inner.names.set('loop', loopValue(state, index, scope.context))
      if (body(inner, out) === 'break') break
    }
    return undefined
  }
  return (scope, out) => through(iterate(iter(scope), scope.context.budget).slice(), scope, out, 1)
}
