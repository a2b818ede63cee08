// From which names a template's value may be made: a walk over its syntax tree at load, so that nothing is tracked while
// templates run. Conditions and tests do not count, they choose among values; where it is not sure, a name counts.
import { ALL_SOURCES, SOURCE, type Sources } from '../protocol/trust.ts'
import { type Args, applyFilters, type Expr, type Statement, type Target } from './ast.ts'
import { parseTemplate } from './parse.ts'

/** The filter with which a rule says that a value may fill what else only its author may write. */
export const ALLOW = 'allow_untrusted'

const FACTS: ReadonlyMap<string, Sources> = new Map([
  ['data', SOURCE.data],
  ['tag', SOURCE.tag],
  ['minion', SOURCE.grains],
  ['origin', SOURCE.origin],
  ['job', SOURCE.gathered],
  ['window', SOURCE.gathered],
  ['failure', SOURCE.gathered],
])
/** Members that the program makes itself: numbers, stamps, jids, names of rules. */
const OWN_MEMBERS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['job', new Set(['jid', 'kind'])],
  ['window', new Set(['count', 'first', 'last'])],
  ['failure', new Set(['rule', 'attempts', 'jids'])],
])
/** Their result is a number, whatever they are given. */
const TO_NUMBER: ReadonlySet<string> = new Set(['length', 'count', 'wordcount', 'abs', 'round'])
/** The same, but what they fall back to is passed on. */
const TO_NUMBER_OR: ReadonlySet<string> = new Set(['int', 'float'])
const LOOP_NUMBERS: ReadonlySet<string> = new Set(
  'index index0 revindex revindex0 first last length depth depth0'.split(' '),
)

/**
 * The sources of which the value may hold text, as bits; `own` are the names of the user's own facts. Throws `template`
 * when the source does not parse.
 */
export function templateSources(source: string, own: ReadonlySet<string> = NONE): Sources {
  const statements = parseTemplate(source)
  /** Of each name that the template assigns, wherever it does. */
  const assigned = new Map<string, Sources>()
  /**
   * What was put into lists, maps and namespaces after they were made. Any name may lead to any of them, so all that
   * the template assigns has a share in it.
   */
  let stored: Sources = 0
  /** What `loop` leads to: the items of every loop. */
  let looped: Sources = 0
  let grown = false

  const assign = (target: Target, sources: Sources): void => {
    if (target.kind === 'tuple') for (const item of target.items) assign(item, sources)
    else if (target.kind === 'attr') store(sources)
    else {
      const before = assigned.get(target.name)
      if (before !== undefined && (before | sources) === before) return
      assigned.set(target.name, (before ?? 0) | sources)
      grown = true
    }
  }
  const store = (sources: Sources): void => {
    if ((stored | sources) === stored) return
    stored |= sources
    grown = true
  }
  const nameSources = (name: string): Sources => {
    const set = assigned.get(name)
    const fact = FACTS.get(name) ?? (own.has(name) ? SOURCE.gathered : 0)
    const given = name === 'loop' ? looped | stored : fact
    return given | (set === undefined ? 0 : set | stored)
  }
  /** The name as it is given, which the template does not assign to. */
  const isGiven = (expr: Expr, name: string): boolean =>
    expr.kind === 'name' && expr.name === name && !assigned.has(name)
  const given = ({ positional, named }: Args): Sources => union([...positional, ...named.map(([, value]) => value)])
  const union = (exprs: readonly (Expr | undefined)[]): Sources =>
    exprs.reduce((all, expr) => (expr ? all | read(expr) : all), 0)

  /** The member `name` of a value, where the name is known. */
  const member = (target: Expr, name: unknown): Sources => {
    if (isGiven(target, 'data') && name === 'id') return SOURCE.id
    if (target.kind === 'name' && isGiven(target, target.name) && OWN_MEMBERS.get(target.name)?.has(String(name)))
      return 0
    return isGiven(target, 'loop') && LOOP_NUMBERS.has(String(name)) ? 0 : read(target)
  }

  const read = (expr: Expr): Sources => {
    switch (expr.kind) {
      case 'const':
        return 0
      case 'name':
        return nameSources(expr.name)
      case 'list':
      case 'tuple':
        return union(expr.items)
      case 'dict':
        return union(expr.pairs.flat())
      case 'attr':
        return member(expr.target, expr.name)
      case 'item':
        read(expr.index)
        return member(expr.target, expr.index.kind === 'const' ? expr.index.value : undefined)
      case 'slice':
        union([expr.start, expr.stop, expr.step])
        return read(expr.target)
      case 'call':
        return readCall(expr)
      case 'filter':
        return readFilter(expr)
      case 'test':
        union([expr.target])
        given(expr.args)
        return 0
      case 'unary':
        return read(expr.operand)
      case 'not':
        read(expr.operand)
        return 0
      case 'binary':
      case 'logic':
        return union([expr.left, expr.right])
      case 'compare':
        union([expr.first, ...expr.rest.map(({ operand }) => operand)])
        return 0
      case 'choice':
        read(expr.test)
        return union([expr.then, expr.otherwise])
    }
  }
  const readCall = ({ target, args }: Extract<Expr, { kind: 'call' }>): Sources => {
    const [key, ...rest] = args.positional
    if (target.kind === 'attr' && target.name === 'get' && key?.kind === 'const')
      return member(target.target, key.value) | keep(union(rest) | given({ positional: [], named: args.named }))
    return read(target) | keep(given(args))
  }
  /** Any call may be one that puts its arguments into a list or a map. */
  const keep = (sources: Sources): Sources => {
    store(sources)
    return sources
  }
  const readFilter = ({ name, target, args }: Extract<Expr, { kind: 'filter' }>): Sources => {
    const value = read(target)
    const rest = given(args)
    if (name === ALLOW || TO_NUMBER.has(name)) return 0
    return TO_NUMBER_OR.has(name) ? rest : value | rest
  }

  /** What is printed. */
  const run = (body: readonly Statement[]): Sources => body.reduce((all, statement) => all | runOne(statement), 0)
  const runOne = (statement: Statement): Sources => {
    switch (statement.kind) {
      case 'output':
        return read(statement.expr)
      case 'do':
        read(statement.expr)
        return 0
      case 'if':
        for (const { test } of statement.branches) read(test)
        return run(statement.branches.flatMap(({ body }) => body)) | run(statement.otherwise)
      case 'for': {
        const items = read(statement.iter)
        assign(statement.target, items)
        if ((looped | items) !== looped) grown = true
        looped |= items
        if (statement.only) read(statement.only)
        return run(statement.body) | run(statement.otherwise)
      }
      case 'set':
        assign(statement.target, read(statement.value))
        return 0
      case 'capture':
        return captured(statement, run(statement.body))
      case 'with':
        for (const [target, value] of statement.values) assign(target, read(value))
        return run(statement.body)
      case 'text':
      case 'break':
      case 'continue':
        return 0
      default:
        // What loads and defines is of documents alone, which rules are not.
        return ALL_SOURCES
    }
  }
  const captured = (statement: Extract<Statement, { kind: 'capture' }>, inner: Sources): Sources => {
    assigned.set(CAPTURED, inner)
    const value = read(applyFilters({ kind: 'name', name: CAPTURED, text: '' }, statement.filters))
    if (!statement.target) return value
    assign(statement.target, value)
    return 0
  }

  for (;;) {
    grown = false
    const printed = run(statements)
    if (!grown) return printed & ALL_SOURCES
  }
}

const NONE: ReadonlySet<string> = new Set()
/** A name that no template can write. */
const CAPTURED = '(captured)'
