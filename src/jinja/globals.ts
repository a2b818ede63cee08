// The outermost scope of a template: the names it is given and Jinja2's functions `range`, `dict`, `namespace`.
import { own } from './attributes.ts'
import { bindArguments } from './callable.ts'
import { FILTERS } from './filters.ts'
import { applyNamed, type Scope } from './scope.ts'
import { TESTS } from './tests.ts'
import { integerOf } from './text.ts'
import { createBudget, failure, isDict, type Method, NAMESPACE, need, typeName, type Value } from './values.ts'

const filter = applyNamed(FILTERS, 'filter')
const test = applyNamed(TESTS, 'test')

/** A scope with a fresh budget. */
export function rootScope(names: Names): Scope {
  const budget = createBudget()
  const context: Scope['context'] = {
    budget,
    filter: (...args) => filter(context, ...args),
    test: (...args) => test(context, ...args),
    global: name => GLOBALS.get(name)?.(context),
  }
  return { names: new Map(), parent: { names: givenBy(names), parent: undefined, context }, context }
}

type Names = Readonly<Record<string, unknown>>
let last: { names: Names; given: Map<string, Value> } | undefined

/** The names as a scope that nothing writes to. All templates of one event get the same names one after the other. */
function givenBy(names: Names): Map<string, Value> {
  if (last?.names === names) return last.given
  const given = new Map(Object.entries(names).filter(([, value]) => value !== undefined))
  last = { names, given }
  return given
}

const range =
  ({ budget }: Scope['context']): Method =>
  (args, named) => {
    const [a, b, c = 1] = bindArguments('range()', ['start', 'stop?', 'step?'], args, named)
    const [start, stop] = b === undefined ? [0, integerOf(a, 'stop')] : [integerOf(a, 'start'), integerOf(b, 'stop')]
    const step = integerOf(c, 'step')
    if (step === 0) throw failure('range() has a step of 0')
    const length = Math.max(0, Math.ceil((stop - start) / step))
    budget.spend(length)
    return own(Array.from({ length }, (_, i) => start + i * step))
  }

const dict: Method = ([source = {}], named) => {
  if (!isDict(need(source))) throw failure(`dict() takes a dict, got ${typeName(source)}`)
  return own(Object.fromEntries([...Object.entries(source as object), ...Object.entries(named)]))
}

const namespace: Method = ([source = {}], named) => {
  if (!isDict(need(source))) throw failure(`namespace() takes a dict, got ${typeName(source)}`)
  return { [NAMESPACE]: new Map([...Object.entries(source as object), ...Object.entries(named)]) }
}

/** Made when a template asks for one, which few do. */
const GLOBALS = new Map<string, (context: Scope['context']) => Method>([
  ['range', range],
  ['dict', () => dict],
  ['namespace', () => namespace],
])
