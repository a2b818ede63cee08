// Values as Salt's nested outputter shows them.

import { cleanText } from '../base/clean.ts'
import { isObject } from '../base/json.ts'

export interface NestedStyle {
  colour: boolean
}

const CODES = { key: '36', text: '32', number: '33', constant: '33', rule: '36' } as const

/** Lines of one value at an indent; a multi-line text keeps its lines. */
export function nested(value: unknown, { colour }: NestedStyle, indent = 0): string[] {
  const pad = ' '.repeat(indent)
  const paint = (kind: keyof typeof CODES, text: string) => (colour ? `\u001b[${CODES[kind]}m${text}\u001b[0m` : text)
  if (Array.isArray(value)) {
    if (value.length === 0) return [`${pad}${paint('rule', '[]')}`]
    return value.flatMap(item =>
      isObject(item) || Array.isArray(item)
        ? [`${pad}${paint('rule', '|_')}`, ...nested(item, { colour }, indent + 2)]
        : [`${pad}${paint('rule', '-')} ${nested(item, { colour }, 0).join(`\n${pad}  `)}`],
    )
  }
  if (isObject(value)) {
    const keys = Object.keys(value).sort()
    const lines = keys.flatMap(key => {
      const inner = value[key]
      const rule = isObject(inner) && Object.keys(inner).length > 0 ? [`${pad}    ${paint('rule', '----------')}`] : []
      return [`${pad}${paint('key', `${printable(key)}:`)}`, ...rule, ...nested(inner, { colour }, indent + 4)]
    })
    return keys.length === 0 ? [`${pad}${paint('rule', '----------')}`] : lines
  }
  if (typeof value === 'string') return value.split('\n').map(line => `${pad}${paint('text', printable(line))}`)
  if (typeof value === 'number') return [`${pad}${paint('number', String(value))}`]
  return [`${pad}${paint('constant', value === true ? 'True' : value === false ? 'False' : 'None')}`]
}

/** A line without what would steer the terminal; tabs stay. */
const printable = (line: string): string => line.split('\t').map(cleanText).join('\t')
