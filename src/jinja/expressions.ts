// Expressions compiled into closures, once; filters and tests are looked up then, so that a wrong name shows at load.
import type { Args, Expr } from './ast.ts'
import { attribute, item, keyOf, methodOf, own, setKey, slice } from './attributes.ts'
import { DOCUMENT_FILTERS, FILTERS } from './filters.ts'
import { binary, compares, negate } from './operators.ts'
import { applyCallable, type Evaluate, find, lookUp, type Scope } from './scope.ts'
import { DOCUMENT_TESTS, TESTS } from './tests.ts'
import {
  CALL,
  type Dict,
  failure,
  isDict,
  isMissing,
  iterate,
  type Named,
  need,
  nothing,
  truthy,
  tuple,
  typeName,
  type Value,
} from './values.ts'

export function compileExpression(expr: Expr): Evaluate {
  switch (expr.kind) {
    case 'const':
      return () => expr.value
    case 'name':
      return scope => {
        const value = lookUp(scope, expr.name)
        return value === undefined ? scope.context.missing(expr.text) : value
      }
    case 'list':
    case 'tuple':
      return compileList(expr.items.map(compileExpression), expr.kind === 'tuple')
    case 'dict':
      return compileDict(expr.pairs)
    case 'attr': {
      const target = compileExpression(expr.target)
      return scope => attribute(target(scope), expr.name, expr.text, scope.context)
    }
    case 'item': {
      const [target, index] = [compileExpression(expr.target), compileExpression(expr.index)]
      return scope => item(target(scope), index(scope), expr.text, scope.context)
    }
    case 'slice': {
      const target = compileExpression(expr.target)
      const [start, stop, step] = [expr.start, expr.stop, expr.step].map(part => part && compileExpression(part))
      return scope => slice(target(scope), start?.(scope), stop?.(scope), step?.(scope), scope.context)
    }
    case 'call':
      return compileCall(expr)
    case 'filter':
      return compileFilter(expr)
    case 'test':
      return compileTest(expr)
    case 'unary': {
      const operand = compileExpression(expr.operand)
      return scope => negate(operand(scope), expr.op)
    }
    case 'not': {
      const operand = compileExpression(expr.operand)
      return scope => !truthy(operand(scope))
    }
    case 'binary': {
      const [left, right] = [compileExpression(expr.left), compileExpression(expr.right)]
      return scope => binary(expr.op, left(scope), right(scope), scope.context)
    }
    case 'logic':
      return compileLogic(expr.op, compileExpression(expr.left), compileExpression(expr.right))
    case 'compare':
      return compileComparison(expr.first, expr.rest)
    case 'choice': {
      const [test, then] = [compileExpression(expr.test), compileExpression(expr.then)]
      const otherwise = expr.otherwise
        ? compileExpression(expr.otherwise)
        : () => nothing(`'${expr.text}' without else`)
      return scope => (truthy(test(scope)) ? then(scope) : otherwise(scope))
    }
  }
}

function compileList(items: Evaluate[], asTuple: boolean): Evaluate {
  return scope => {
    scope.context.budget.spend(items.length)
    const values = items.map(evaluate => evaluate(scope))
    return asTuple ? tuple(values) : own(values)
  }
}

function compileDict(pairs: [Expr, Expr][]): Evaluate {
  const parts = pairs.map(([key, value]) => [compileExpression(key), compileExpression(value)] as const)
  return scope => {
    const dict: Dict = {}
    scope.context.budget.spend(parts.length)
    for (const [key, value] of parts) {
      const given = need(key(scope))
      const name = keyOf(given, scope.context)
      if (name === undefined) throw failure(`a dict's keys are text, got ${typeName(given)}`)
      setKey(dict, name, value(scope))
    }
    return own(dict)
  }
}

function compileArguments(args: Args): (scope: Scope) => { positional: Value[]; named: Named } {
  const positional = args.positional.map(compileExpression)
  const named = args.named.map(([name, value]) => [name, compileExpression(value)] as const)
  if (args.spread || args.spreadNamed) return unpacking(args, positional, named)
  return scope => ({
    positional: positional.map(evaluate => evaluate(scope)),
    named: Object.fromEntries(named.map(([name, evaluate]) => [name, evaluate(scope)])),
  })
}

/** Arguments with `*list` and `**dict` among them. */
function unpacking(args: Args, positional: Evaluate[], named: (readonly [string, Evaluate])[]) {
  const list = args.spread && compileExpression(args.spread)
  const dict = args.spreadNamed && compileExpression(args.spreadNamed)
  return (scope: Scope) => {
    const more = list ? iterate(need(list(scope)), scope.context.budget) : []
    const moreNamed = dict ? need(dict(scope)) : {}
    if (!isDict(moreNamed)) throw failure(`** unpacks a dict, got ${typeName(moreNamed)}`)
    scope.context.budget.spend(more.length + Object.keys(moreNamed).length)
    const given: Named = {}
    for (const [name, evaluate] of named) setKey(given, name, evaluate(scope))
    for (const [name, value] of Object.entries(moreNamed)) {
      if (Object.hasOwn(given, name)) throw failure(`the argument '${name}' is given twice`)
      setKey(given, name, value)
    }
    return { positional: [...positional.map(evaluate => evaluate(scope)), ...more], named: given }
  }
}

function compileCall(expr: Extract<Expr, { kind: 'call' }>): Evaluate {
  const given = compileArguments(expr.args)
  const name = expr.target.kind === 'attr' ? expr.target.name : undefined
  const owner = expr.target.kind === 'attr' ? compileExpression(expr.target.target) : undefined
  const target = owner ? undefined : compileExpression(expr.target)
  return scope => {
    const holder = owner?.(scope)
    let callee = target ? target(scope) : attribute(holder, name!, expr.target.text, scope.context)
    // `data.items()` is the method even where the data has a key named items.
    if (typeof callee !== 'function' && isDict(holder)) callee = methodOf(holder, name!, scope.context) ?? callee
    if (isDict(callee) && CALL in callee) callee = callee[CALL]
    if (typeof callee !== 'function') {
      if (isMissing(callee) && owner === undefined) throw failure(`there is no function ${expr.target.text}()`)
      if (isMissing(callee)) throw failure(`${typeName(holder)} has no method ${name}()`)
      throw failure(`${expr.target.text} is no function, it is ${typeName(callee)}`)
    }
    const { positional, named } = given(scope)
    return callee(positional, named)
  }
}

function compileFilter(expr: Extract<Expr, { kind: 'filter' }>): Evaluate {
  const callable = find(expr.document ? DOCUMENT_FILTERS : FILTERS, expr.name, 'filter')
  const target = compileExpression(expr.target)
  const given = compileArguments(expr.args)
  return scope => {
    const value = target(scope)
    const { positional, named } = given(scope)
    return applyCallable(expr.name, callable, value, positional, named, scope.context)
  }
}

function compileTest(expr: Extract<Expr, { kind: 'test' }>): Evaluate {
  const target = compileExpression(expr.target)
  if (expr.name === 'filter' || expr.name === 'test') {
    const [filters, tests] = expr.document ? [DOCUMENT_FILTERS, DOCUMENT_TESTS] : [FILTERS, TESTS]
    const known = expr.name === 'filter' ? filters : tests
    return scope => Object.hasOwn(known, String(need(target(scope)))) !== expr.negated
  }
  const callable = find(expr.document ? DOCUMENT_TESTS : TESTS, expr.name, 'test')
  const given = compileArguments(expr.args)
  return scope => {
    const value = target(scope)
    const { positional, named } = given(scope)
    return applyCallable(expr.name, callable, value, positional, named, scope.context) !== expr.negated
  }
}

function compileLogic(op: 'and' | 'or', left: Evaluate, right: Evaluate): Evaluate {
  return scope => {
    const value = left(scope)
    return truthy(value) === (op === 'and') ? right(scope) : value
  }
}

function compileComparison(first: Expr, rest: { op: string; operand: Expr }[]): Evaluate {
  const start = compileExpression(first)
  const steps = rest.map(({ op, operand }) => ({ op, operand: compileExpression(operand) }))
  return scope => {
    let left = start(scope)
    for (const { op, operand } of steps) {
      const right = operand(scope)
      if (!compares(op, left, right, scope.context)) return false
      left = right
    }
    return true
  }
}
