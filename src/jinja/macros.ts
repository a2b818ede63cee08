// Macros and the blocks that call them, compiled into closures.
import type { DocumentStatement, Expr, Param, Statement } from './ast.ts'
import { compileExpression } from './expressions.ts'
import { printText } from './print.ts'
import { emit, innerScope, type Scope } from './scope.ts'
import type { Run } from './statements.ts'
import { failure, type Method, tuple, type Value } from './values.ts'

export type Compile = (body: readonly Statement[]) => Run

const MAX_DEPTH = 100

export function written(run: Run, scope: Scope): string {
  const out: string[] = []
  run(scope, out)
  return out.join('')
}

/** Keeps templates and macros from calling each other without end. */
export function deeper<T>(scope: Scope, run: () => T): T {
  const { documents } = scope.context
  if (documents === undefined) return run()
  if (documents.depth >= MAX_DEPTH) throw failure(`macros and templates are more than ${MAX_DEPTH} deep in each other`)
  documents.depth++
  try {
    return run()
  } finally {
    documents.depth--
  }
}

export function compileMacro(name: string, params: readonly Param[], body: readonly Statement[], compile: Compile) {
  const run = compile(body)
  const fallbacks = params.map(param => param.default && compileExpression(param.default))
  const uses = (word: string) => names(body).has(word)
  const [takesMore, takesNamed, takesCaller] = [uses('varargs'), uses('kwargs'), uses('caller')]
  return (scope: Scope): Method =>
    (args, named) => {
      const { context } = scope
      context.budget.spend(1 + args.length)
      if (args.length > params.length && !takesMore)
        throw failure(`the macro ${name}() takes at most ${params.length} arguments, got ${args.length}`)
      const inner = innerScope(scope)
      const rest = { ...named }
      for (const [index, param] of params.entries()) {
        const given = Object.hasOwn(rest, param.name)
        if (given && index < args.length) throw failure(`the macro ${name}() got the argument '${param.name}' twice`)
        const value = index < args.length ? args[index] : given ? rest[param.name] : fallbacks[index]?.(inner)
        delete rest[param.name]
        inner.names.set(param.name, value ?? absent(value, `${param.name} of ${name}()`, scope))
      }
      if (takesCaller) inner.names.set('caller', rest.caller ?? context.missing('caller'))
      if (takesCaller) delete rest.caller
      const [unknown] = Object.keys(rest)
      if (unknown !== undefined && !takesNamed)
        throw failure(
          unknown === 'caller'
            ? `the macro ${name}() does not use its caller()`
            : `the macro ${name}() has no argument '${unknown}'`,
        )
      if (takesMore) inner.names.set('varargs', tuple(args.slice(params.length)))
      if (takesNamed) inner.names.set('kwargs', rest)
      return deeper(scope, () => written(run, inner))
    }
}

const absent = (value: Value, what: string, scope: Scope) => (value === null ? null : scope.context.missing(what))

/** Every name that a body reads. */
function names(node: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(node)) for (const one of node) names(one, found)
  else if (typeof node === 'object' && node !== null) {
    const { kind, name } = node as { kind?: unknown; name?: unknown }
    if (kind === 'name' && typeof name === 'string') found.add(name)
    for (const one of Object.values(node)) names(one, found)
  }
  return found
}

/** A name that no template can write. */
const CALLER = '(caller)'

export function compileCall(
  { params, call, body }: Extract<DocumentStatement, { kind: 'call' }>,
  compile: Compile,
): Run {
  const caller = compileMacro('caller', params, body, compile)
  if (call.kind !== 'call') throw failure("'{% call %}' needs the call of a macro")
  const passed: [string, Expr] = ['caller', { kind: 'name', name: CALLER, text: CALLER }]
  const evaluate = compileExpression({ ...call, args: { ...call.args, named: [...call.args.named, passed] } })
  return (scope, out) => {
    const inner = innerScope(scope)
    inner.names.set(CALLER, caller(scope))
    return emit(printText(evaluate(inner), scope.context.budget), scope, out)
  }
}
