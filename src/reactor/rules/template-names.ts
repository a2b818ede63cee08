// Names in a template that nothing will ever define: a typing mistake that shows at load and not on the first event.
import { didYouMean } from '../../base/suggest.ts'
import { type Args, applyFilters, type Expr, type Statement, type Target } from '../../jinja/ast.ts'
import { FILTERS } from '../../jinja/filters.ts'
import { rootScope } from '../../jinja/globals.ts'
import { parseTemplate } from '../../jinja/parse.ts'
import { TESTS } from '../../jinja/tests.ts'
import { type Vocabulary, vocabularyOf } from './vocabulary.ts'

const PLAIN = vocabularyOf('do', [])

/** `need` where undefined is an error, `allow` where it is asked for, `pass` where it may go on. */
type How = 'need' | 'allow' | 'pass'

/**
 * One message a name that is unknown and needed: read in a place where an undefined value is an error. A name that the
 * template also looks at in a legal way (`x is defined`, `x | default(1)`, `if x`) is taken to be meant.
 * Throws `template` when the source does not parse.
 */
export function unknownNames(source: string, { names: given, without }: Vocabulary = PLAIN): string[] {
  const needed = new Set<string>()
  const known = new Set(given)
  const globals = rootScope({}).context

  const assign = (target: Target): void => {
    if (target.kind === 'tuple') for (const item of target.items) assign(item)
    else known.add(target.name)
  }
  const read = (expr: Expr, how: How): void => {
    if (expr.kind !== 'name') for (const [inner, innerHow] of partsOf(expr)) read(inner, innerHow)
    else if (how === 'need') needed.add(expr.name)
    else if (how === 'allow') known.add(expr.name)
  }
  const run = (statements: readonly Statement[]): void => {
    for (const statement of statements) {
      switch (statement.kind) {
        case 'output':
          read(statement.expr, 'need')
          break
        case 'do':
          read(statement.expr, 'pass')
          break
        case 'if':
          for (const { test, body } of statement.branches) {
            read(test, 'allow')
            run(body)
          }
          run(statement.otherwise)
          break
        case 'for':
          known.add('loop')
          assign(statement.target)
          read(statement.iter, 'pass')
          if (statement.only) read(statement.only, 'allow')
          run(statement.body)
          run(statement.otherwise)
          break
        case 'set':
          assign(statement.target)
          read(statement.value, 'pass')
          break
        case 'capture':
          if (statement.target) assign(statement.target)
          read(applyFilters({ kind: 'const', value: '', text: '' }, statement.filters), 'pass')
          run(statement.body)
          break
        case 'with':
          for (const [target, value] of statement.values) {
            assign(target)
            read(value, 'pass')
          }
          run(statement.body)
          break
        case 'text':
        case 'break':
        case 'continue':
          break
      }
    }
  }

  run(parseTemplate(source))
  const names = [...needed].filter(name => !known.has(name) && globals.global(name) === undefined)
  return names.map(
    name =>
      without.get(name) ??
      `'${name}' is unknown here.${didYouMean(name, known) || ` The names are ${given.join(', ')}`}`,
  )
}

/** What an expression reads, and how. */
function partsOf(expr: Expr): [Expr, How][] {
  const pass = (exprs: readonly (Expr | undefined)[]): [Expr, How][] =>
    exprs.flatMap(one => (one ? [[one, 'pass'] as [Expr, How]] : []))
  const given = ({ positional, named }: Args) => pass([...positional, ...named.map(([, value]) => value)])
  switch (expr.kind) {
    case 'const':
    case 'name':
      return []
    case 'list':
    case 'tuple':
      return pass(expr.items)
    case 'dict':
      return pass(expr.pairs.flat())
    case 'attr':
      return [[expr.target, 'need']]
    case 'item':
      return [
        [expr.target, 'need'],
        [expr.index, 'need'],
      ]
    case 'slice':
      return [[expr.target, 'need'], ...pass([expr.start, expr.stop, expr.step])]
    case 'call':
      return [[expr.target, 'need'], ...given(expr.args)]
    case 'filter':
      return [[expr.target, FILTERS[expr.name]?.takesMissing ? 'allow' : 'need'], ...given(expr.args)]
    case 'test':
      return [[expr.target, TESTS[expr.name]?.takesMissing ? 'allow' : 'need'], ...given(expr.args)]
    case 'unary':
      return [[expr.operand, 'need']]
    case 'not':
      return [[expr.operand, 'allow']]
    case 'binary':
      return [
        [expr.left, 'need'],
        [expr.right, 'need'],
      ]
    case 'logic':
      return [[expr.left, 'allow'], ...pass([expr.right])]
    case 'compare':
      return pass([expr.first, ...expr.rest.map(({ operand }) => operand)])
    case 'choice':
      return [[expr.test, 'allow'], ...pass([expr.then, expr.otherwise])]
  }
}
