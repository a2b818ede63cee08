// YAML as Salt reads it: PyYAML's scalars (YAML 1.1), but whole numbers with leading zeros are decimal (a mode 0644 is 644), dates
// stay text, and a key that stands twice is an error. Keys are text in any case.

import { Document, isCollection, isScalar, type Node, parseDocument, type ScalarTag, visit, type YAMLError } from 'yaml'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { faultyLine, lineAt, type SourceFile } from './excerpt.ts'
import type { Value } from './values.ts'

/** Tags beyond YAML's own, such as `!env NAME`. */
export type Tags = readonly ScalarTag[]

const TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/
const FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/
const NULL = /^(?:~|null|Null|NULL)?$/
const INTEGER = /^(?:[-+]?0b[01_]+|[-+]?0x[\da-fA-F_]+|[-+]?0[0-7_]*|[-+]?[1-9][\d_]*(?::[0-5]?\d)*)$/
const FLOAT =
  /^(?:[-+]?\d[\d_]*\.[\d_]*(?:[eE][-+]\d+)?|\.\d[\d_]*(?:[eE][-+]\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/

const tag = (name: string, given: Omit<ScalarTag, 'tag' | 'default'>): ScalarTag => ({
  ...given,
  tag: `tag:yaml.org,2002:${name}`,
  default: true,
})

type Refuse = (message: string) => void

const SCALARS: Tags = [
  tag('null', {
    identify: value => value === null || value === undefined,
    test: NULL,
    resolve: () => null,
    stringify: () => 'null',
  }),
  tag('bool', {
    identify: value => typeof value === 'boolean',
    test: new RegExp(`${TRUE.source}|${FALSE.source}`),
    resolve: (text, refuse) => (TRUE.test(text) ? true : FALSE.test(text) ? false : refuse(`'${text}' is no bool`)),
    stringify: ({ value }) => String(value),
  }),
  tag('int', {
    identify: Number.isSafeInteger,
    test: INTEGER,
    resolve: wholeNumber,
    stringify: ({ value }) => String(value),
  }),
  tag('float', {
    identify: value => typeof value === 'number',
    test: FLOAT,
    resolve: fraction,
    stringify: ({ value }) => String(value).replace(/^(-?\d+)(?=e|$)/, '$1.0'),
  }),
]

function wholeNumber(given: string, refuse: Refuse): unknown {
  const text = given.replaceAll('_', '')
  const sign = text.startsWith('-') ? -1 : 1
  const digits = text.replace(/^[-+]/, '')
  const value = sign * (digits.includes(':') ? sexagesimal(digits) : Number(digits))
  if (Number.isSafeInteger(value)) return value + 0
  return refuse(
    `the number ${given} ${Number.isNaN(value) ? 'cannot be read' : 'is too large to stay exact'}: quote it`,
  )
}

/** `1:30` is 90, as YAML 1.1 has it. */
const sexagesimal = (digits: string): number => digits.split(':').reduce((total, part) => total * 60 + Number(part), 0)

function fraction(given: string, refuse: Refuse): unknown {
  const text = given.replaceAll('_', '')
  const sign = text.startsWith('-') ? -1 : 1
  const digits = text.replace(/^[-+]/, '')
  const value = sign * (digits.includes(':') ? sexagesimal(digits) : Number(digits))
  return Number.isFinite(value) ? value : refuse(`${given} is no number that data can hold: quote it`)
}

const OPTIONS = { version: '1.1', schema: 'failsafe', merge: true } as const
const MOST_ALIASES = 1_000

/** Plain JSON; null for an empty text. Throws `template` in Salt's words, with the line. */
export function readYaml(text: string, { path, tags = [] }: { path: string; tags?: Tags }): unknown {
  const file: SourceFile = { path, text }
  const document = parseDocument(text, {
    ...OPTIONS,
    customTags: [...tags, ...SCALARS],
    prettyErrors: false,
    // Looked for below: the library compares each key with all before it.
    uniqueKeys: false,
  })
  const [problem = document.warnings[0]] = document.errors
  if (problem) throw faultyLine(wording(problem, text), file, lineAt(text, problem.pos[0]))
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<string>()
      for (const { key } of items) {
        const line = () => lineAt(text, (key as Node).range?.[0] ?? 0)
        if (isCollection(key))
          throw faultyLine('found unhashable key: a key is text, here it is a list or map', file, line())
        // Keys are kept as text, so that 1 and '1' are the same.
        const name = isScalar(key) ? String(key.value) : undefined
        if (name === undefined || name === MERGE) continue
        if (seen.has(name)) throw faultyLine(`found conflicting ID '${name}'`, file, line())
        seen.add(name)
      }
    },
  })
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES })
  } catch (error) {
    if (error instanceof ReactorError) throw error
    throw faultyLine(`YAML error: ${errorMessage(error)}`, file, 1)
  }
}

const MERGE = '<<'

function wording(problem: YAMLError, text: string): string {
  const [start, end] = problem.pos
  if (problem.code === 'TAB_AS_INDENT' || (problem.code === 'BAD_INDENT' && text.slice(start, end).includes('\t')))
    return 'Illegal tab character'
  if (problem.code === 'TAG_RESOLVE_FAILED' && problem.message.startsWith('Unresolved tag'))
    return `could not determine a constructor for the tag '${problem.message.replace(/^Unresolved tag: /, '')}'`
  return `YAML error: ${problem.message}`
}

const STYLE = {
  flowCollectionPadding: false,
  lineWidth: 0,
  singleQuote: true,
  doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
}

/** One line, unless `block`. */
export function writeYaml(value: Value, block = false): string {
  const document = new Document(value, {
    ...OPTIONS,
    merge: false,
    customTags: [...SCALARS],
    aliasDuplicateObjects: false,
  })
  visit(document, {
    Scalar(_, node) {
      if (node.value === MERGE) node.type = 'QUOTE_SINGLE'
      else if (!block && typeof node.value === 'string' && node.value.includes('\n')) node.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ ...STYLE, collectionStyle: block ? 'block' : 'flow' }).trimEnd()
}
