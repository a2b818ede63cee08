// The output formats of `--out`, Salt's outputters by name, and the option itself.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { prettyJson } from '../../base/clean.ts'
import { isObject } from '../../base/json.ts'
import { terminalLook } from '../../tail/terminal.ts'
import { highstate, isHighstate, STATE_OUTPUTS, type StateOutput } from './highstate.ts'
import { type NestedStyle, nested, printable } from './nested.ts'
import { print } from './print.ts'

const FORMATS = ['nested', 'json', 'yaml', 'txt', 'raw', 'highstate'] as const
export type Format = (typeof FORMATS)[number]

export interface OutOptions {
  out?: Format
  json?: boolean
  stateOutput?: StateOutput
  stateVerbose?: boolean
}

/** Whether a person reads it, not a program. */
export const forPeople = ({ json, out = 'nested' }: OutOptions): boolean =>
  !json && (out === 'nested' || out === 'highstate')

/** Lines of a value. */
type FormatValue = (value: unknown, style: NestedStyle) => string[]

/** `--out`, the same for every command that shows values. */
export const outOption = (): Option =>
  new Option(
    '--out <format>',
    "how values are shown, as Salt's outputters do; nested by default, and state runs as highstate",
  )
    .choices(FORMATS)
    .conflicts('json')

/** How state runs are shown, for commands that show returns. */
export const withStateOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--state-output <how>',
        'of state runs: a line for each state (terse), for those that did not fail (mixed), or for those that changed nothing (changes)',
      )
        .choices(STATE_OUTPUTS)
        .conflicts('json'),
    )
    .addOption(
      new Option('--state-verbose <bool>', 'False: without the states that succeeded and changed nothing')
        .argParser(readBoolean)
        .conflicts('json'),
    )

function readBoolean(text: string): boolean {
  if (/^true$/i.test(text)) return true
  if (/^false$/i.test(text)) return false
  throw new InvalidArgumentError('It is True or False.')
}

/** The formatter of that name; what only some need is loaded with it. */
export async function loadFormat(format: Format): Promise<FormatValue> {
  switch (format) {
    case 'nested':
    // What is no state run.
    case 'highstate':
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
  const steers = process.stdout.isTTY && out !== 'nested' && out !== 'highstate' && out !== 'json'
  return (value, failed = false) => {
    const lines = format(value, { colour, failed })
    if (lines.length > 0) print((steers ? lines.map(printable) : lines).join('\n'))
  }
}

/** Prints returns by the ids of who gave them; `fun` is what they are of. Those that are state runs are shown as such, unless a format is asked for. */
export async function createReturnPrinter(
  options: OutOptions,
): Promise<(returns: Record<string, unknown>, failed?: boolean, fun?: string) => void> {
  const printValue = await createValuePrinter(options)
  const { json, out = 'highstate', stateOutput, stateVerbose } = options
  if (json || out !== 'highstate') return printValue
  const { colour } = terminalLook()
  return (returns, failed, fun) => {
    const entries = Object.entries(returns)
    if (!entries.some(([, value]) => isHighstate(value, fun))) return printValue(returns, failed)
    for (const [id, value] of entries)
      if (isHighstate(value, fun)) print(highstate({ [id]: value }, { colour, stateOutput, stateVerbose }).join('\n'))
      else printValue({ [id]: value }, failed)
  }
}
