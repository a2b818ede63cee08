// The output formats of `--out`, Salt's outputters by name, and the option itself.
import { Option } from 'commander'
import { prettyJson } from '../../base/clean.ts'
import { isObject } from '../../base/json.ts'
import { terminalLook } from '../../tail/terminal.ts'
import { type NestedStyle, nested, printable } from './nested.ts'
import { print } from './print.ts'

const FORMATS = ['nested', 'json', 'yaml', 'txt', 'raw'] as const
export type Format = (typeof FORMATS)[number]

export interface OutOptions {
  out?: Format
  json?: boolean
}

/** Whether a person reads it, not a program. */
export const forPeople = ({ json, out = 'nested' }: OutOptions): boolean => !json && out === 'nested'

/** Lines of a value. */
type FormatValue = (value: unknown, style: NestedStyle) => string[]

/** `--out`, the same for every command that shows values. */
export const outOption = (): Option =>
  new Option('--out <format>', "how values are shown, as Salt's outputters do; nested by default")
    .choices(FORMATS)
    .conflicts('json')

/** The formatter of that name; what only some need is loaded with it. */
export async function loadFormat(format: Format): Promise<FormatValue> {
  switch (format) {
    case 'nested':
      return nested
    case 'json':
      return value => prettyJson(value ?? null, 4)
    case 'yaml': {
      const { stringify } = await import('yaml')
      // With the quotes that YAML 1.1, which Salt reads, needs: `no` stays a text.
      const style = { version: '1.1', indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false } as const
      return value =>
        stringify(value ?? null, style)
          .replace(/\n$/, '')
          .split('\n')
    }
    case 'txt': {
      const { pythonRepr } = await import('./python.ts')
      return value => textLines(value, pythonRepr)
    }
    case 'raw': {
      const { pythonRepr } = await import('./python.ts')
      return value => [pythonRepr(value)]
    }
  }
}

/** `id: line` for every line of every return. */
function textLines(value: unknown, repr: (value: unknown) => string): string[] {
  const lines = (inner: unknown) => (typeof inner === 'string' ? inner.replace(/\n$/, '').split('\n') : [repr(inner)])
  if (!isObject(value)) return lines(value)
  return Object.entries(value).flatMap(([key, inner]) => lines(inner).map(line => `${key}: ${line}`))
}

type PrintValue = (value: unknown, failed?: boolean) => void

/** Prints values as the options ask: with `--json` in one line each. */
export async function createValuePrinter({ json, out = 'nested' }: OutOptions): Promise<PrintValue> {
  if (json) return value => print(JSON.stringify(value ?? null))
  const format = await loadFormat(out)
  const { colour } = terminalLook()
  // Nested and JSON let nothing through that would steer a terminal, wherever they go.
  const steers = process.stdout.isTTY && out !== 'nested' && out !== 'json'
  return (value, failed = false) => {
    const lines = format(value, { colour, failed })
    if (lines.length > 0) print((steers ? lines.map(printable) : lines).join('\n'))
  }
}
