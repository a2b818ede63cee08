// The outermost scope of a template: the names it is given and Jinja2's functions `range`, `dict`, `namespace`.
import { own } from './attributes.ts'
import { bindArguments, type Context, type Documents } from './callable.ts'
import { DOCUMENT_GLOBALS } from './document-globals.ts'
import { DOCUMENT_FILTERS, FILTERS } from './filters.ts'
import { applyNamed, type Scope } from './scope.ts'
import { DOCUMENT_TESTS, TESTS } from './tests.ts'
import { integerOf } from './text.ts'
import {
  type Budget,
  createBudget,
  failure,
  isDict,
  type Method,
  missing,
  need,
  strictMissing,
  typeName,
  type Value,
  withMembers,
} from './values.ts'

const ofRules = { filter: applyNamed(FILTERS, 'filter'), test: applyNamed(TESTS, 'test') }
const ofDocuments = { filter: applyNamed(DOCUMENT_FILTERS, 'filter'), test: applyNamed(DOCUMENT_TESTS, 'test') }

/** A scope with a fresh budget. */
export function rootScope(names: Names): Scope {
  const context = contextOf({ budget: createBudget(), missing })
  return { names: new Map(), parent: { names: givenBy(names), parent: undefined, context }, context }
}

/** Of a whole document, which is stricter about what is undefined and may load others. */
export function documentScope(names: Names, budget: Budget, documents: Documents): Scope {
  const context = contextOf({ budget, documents, missing: strictMissing })
  return { names: new Map(Object.entries(names)), parent: undefined, context }
}

function contextOf(given: Pick<Context, 'budget' | 'documents' | 'missing'>): Context {
  const { filter, test } = given.documents ? ofDocuments : ofRules
  const context: Context = {
    ...given,
    filter: (...args) => filter(context, ...args),
    test: (...args) => test(context, ...args),
    global: name => (GLOBALS.get(name) ?? (given.documents && DOCUMENT_GLOBALS.get(name)))?.(context),
  }
  return context
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
  ({ budget }: Context): Method =>
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
  return withMembers(new Map([...Object.entries(source as object), ...Object.entries(named)]))
}

/** Made when a template asks for one, which few do. */
const GLOBALS = new Map<string, (context: Context) => Method>([
  ['range', range],
  ['dict', () => dict],
  ['namespace', () => namespace],
])
