// Statements of whole documents compiled into closures: macros, and what is loaded from other files.
import type { DocumentStatement, Expr } from './ast.ts'
import type { Documents } from './callable.ts'
import { compileExpression } from './expressions.ts'
import { parseAs } from './loaders.ts'
import { type Compile, compileCall, compileMacro, deeper, written } from './macros.ts'
import { assign, type Evaluate, innerScope, type Scope } from './scope.ts'
import type { Run } from './statements.ts'
import { textOf } from './text.ts'
import { failure, need, type Value } from './values.ts'

export function compileDocumentStatement(statement: DocumentStatement, compile: Compile, path: string): Run {
  switch (statement.kind) {
    case 'macro': {
      const macro = compileMacro(statement.name, statement.params, statement.body, compile)
      return scope => void scope.names.set(statement.name, macro(scope))
    }
    case 'call':
      return compileCall(statement, compile)
    case 'load': {
      const run = compile(statement.body)
      return scope => {
        const text = written(run, innerScope(scope))
        return assign(
          statement.target,
          parseAs(statement.as, text, `load_${statement.as} of ${path}`, scope.context),
          scope,
        )
      }
    }
    case 'import': {
      const load = compileLoad(statement.path, path, statement.context)
      return scope => {
        const file = load(scope)
        if (!file) throw notFound(statement.path, scope)
        const value = statement.as ? parseAs(statement.as, file.text, file.path, scope.context) : exported(file.scope)
        return assign(statement.target, value, scope)
      }
    }
    case 'from': {
      const load = compileLoad(statement.path, path, statement.context)
      return scope => {
        const file = load(scope)
        if (!file) throw notFound(statement.path, scope)
        for (const [name, as] of statement.names)
          scope.names.set(as, file.scope.names.get(name) ?? scope.context.missing(`${name} of ${file.path}`))
        return undefined
      }
    }
    case 'include': {
      const load = compileLoad(statement.path, path, statement.context)
      return (scope, out) => {
        const file = load(scope)
        if (!file && !statement.optional) throw notFound(statement.path, scope)
        if (file) out.push(file.text)
        return undefined
      }
    }
  }
}

interface Loaded {
  path: string
  text: string
  scope: Scope
}

/** Runs the file that is named, or the first that there is of a list; undefined: there is none. */
function compileLoad(path: Expr, from: string, context: boolean): (scope: Scope) => Loaded | undefined {
  const evaluate = compileExpression(path)
  return scope => {
    const documents = documentsOf(scope)
    for (const name of pathsOf(evaluate, scope)) {
      const at = resolvePath(name, from)
      const text = documents.load(at)
      if (text === undefined) continue
      const inner = fileScope(at, scope, context)
      const out = deeper(scope, () => documents.write({ path: at, text }, inner))
      return { path: at, text: out, scope: inner }
    }
    return undefined
  }
}

function documentsOf({ context }: Scope): Documents {
  if (context.documents) return context.documents
  throw failure('only documents load files')
}

function pathsOf(evaluate: Evaluate, scope: Scope): string[] {
  const value = need(evaluate(scope))
  return (Array.isArray(value) ? value : [value]).map(one => textOf(one, 'the path of a template'))
}

/** `./` and `../` lead on from the file that says so; every other path begins at the roots. */
function resolvePath(path: string, from: string): string {
  const given = path.replace(/^salt:\/\//, '')
  if (!/^\.\.?\//.test(given)) return given
  const parts = from.split('/').slice(0, -1)
  for (const part of given.split('/')) {
    if (part === '..' && parts.pop() === undefined) throw failure(`'${path}' in ${from} leads out of the roots`)
    if (part !== '..' && part !== '.' && part !== '') parts.push(part)
  }
  return parts.join('/')
}

/** What a loaded file sees: its own names, and those of who loads it, or the given ones alone. */
function fileScope(path: string, scope: Scope, context: boolean): Scope {
  let outer = scope
  while (!context && outer.parent) outer = outer.parent
  const own = new Map(Object.entries(documentsOf(scope).namesOf(path)))
  // A loop is of its own template alone.
  own.set('loop', scope.context.missing('loop'))
  return innerScope({ names: own, parent: outer, context: scope.context })
}

/** The names that another template may import. */
function exported(scope: Scope): Value {
  return Object.fromEntries([...scope.names].filter(([name]) => !name.startsWith('_')))
}

function notFound(path: Expr, scope: Scope): Error {
  const names = pathsOf(compileExpression(path), scope)
  return failure(`there is no file ${names.map(name => `'${name}'`).join(' or ')}`)
}
