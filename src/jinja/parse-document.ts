// Statements of whole documents: `macro`, `call`, `import`, `from`, `include`, and Salt's `import_yaml`, `load_yaml`, ….
import type { DocumentStatement, Loader, Param, Statement, Target } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parseExpression } from './parser.ts'

export const DOCUMENT_BLOCKS: readonly string[] = [
  'macro',
  'call',
  'import',
  'from',
  'include',
  'import_yaml',
  'import_json',
  'import_text',
  'load_yaml',
  'load_json',
  'load_text',
]

/** What the parser of the template lends. */
export interface Documented {
  /** The statements up to `{% end %}`; a loop outside of them is none inside. */
  closed(name: string, end: string): Statement[]
  target(c: Cursor): Target
  finished<T>(c: Cursor, value: T): T
}

/** Undefined: the name is none of these. */
export function documentStatement(name: string, c: Cursor, parse: Documented): DocumentStatement | undefined {
  const { closed, finished } = parse
  if (name === 'macro') {
    const macro = c.expectName()
    const params = finished(c, parameters(c))
    return { kind: 'macro', name: macro, params, body: closed('macro', 'endmacro') }
  }
  if (name === 'call') {
    const params = c.at('(') ? parameters(c) : []
    const start = c.peek()
    const call = finished(c, parseExpression(c))
    if (call.kind !== 'call') c.fail("'{% call %}' needs the call of a macro", start)
    return { kind: 'call', params, call, body: closed('call', 'endcall') }
  }
  if (name === 'include') {
    const path = parseExpression(c)
    let optional = false
    if (c.skip('ignore')) {
      c.expect('missing')
      optional = true
    }
    return finished(c, { kind: 'include', path, optional, context: context(c, true) })
  }
  if (name === 'from') return parseFrom(c, parse)
  const [verb, loader] = name.split('_') as [string, Loader | undefined]
  if (verb === 'import' && (loader === undefined || isLoader(loader))) {
    const path = parseExpression(c)
    c.expect('as')
    const target = parse.target(c)
    return finished(c, { kind: 'import', path, target, as: loader, context: context(c, false) })
  }
  if (verb === 'load' && loader !== undefined && isLoader(loader)) {
    c.expect('as')
    const target = finished(c, parse.target(c))
    return { kind: 'load', target, as: loader, body: closed(name, 'endload') }
  }
  return undefined
}

const isLoader = (name: string) => name === 'yaml' || name === 'json' || name === 'text'

function parseFrom(c: Cursor, { finished }: Documented): DocumentStatement {
  const path = parseExpression(c)
  c.expect('import')
  const names: [string, string][] = []
  const contextual = () => (c.at('with') || c.at('without')) && c.peek(1).value === 'context'
  do {
    if (contextual()) break
    const token = c.peek()
    const name = c.expectName()
    if (name.startsWith('_')) c.fail('names that begin with an underline cannot be imported', token)
    names.push([name, c.skip('as') ? c.expectName() : name])
  } while (c.skip(','))
  if (names.length === 0) c.fail('expected a name to import')
  return finished(c, { kind: 'from', path, names, context: context(c, false) })
}

function context(c: Cursor, usual: boolean): boolean {
  const given = c.skip('with') ? true : c.skip('without') ? false : undefined
  if (given !== undefined) c.expect('context')
  return given ?? usual
}

function parameters(c: Cursor): Param[] {
  const params: Param[] = []
  c.expect('(')
  while (!c.at(')')) {
    if (params.length > 0) c.expect(',')
    const token = c.peek()
    const name = c.expectName()
    if (params.some(param => param.name === name)) c.fail('a parameter is named twice', token)
    const fallback = c.skip('=') ? parseExpression(c) : undefined
    if (!fallback && params.at(-1)?.default) c.fail('a parameter without a default stands behind one with it', token)
    params.push({ name, default: fallback })
  }
  c.expect(')')
  return params
}
