// State runs as Salt's highstate outputter shows them. What a minion returns is shown as data, whatever it holds.
import { isObject } from '../../base/json.ts'
import { isStateRun } from '../../functions/states.ts'
import { nested, printable } from './nested.ts'

export const STATE_OUTPUTS = ['full', 'terse', 'mixed', 'changes'] as const
export type StateOutput = (typeof STATE_OUTPUTS)[number]

export interface HighstateStyle {
  colour: boolean
  /** `full` by default; terse lines: of all states, of those that did not fail, of those without changes. */
  stateOutput?: StateOutput | undefined
  /** False: without the states that succeeded and changed nothing. */
  stateVerbose?: boolean | undefined
}

const GREEN = '32'
const CYAN = '36'
const RED = '31'
const LIGHT_RED = '1;31'
const LIGHT_YELLOW = '1;33'

/** Execution functions that return a state run, or the lines of why there was none. */
const RUNS: ReadonlySet<string> = new Set(
  ['apply', 'sls', 'highstate', 'single', 'sls_id', 'test'].map(name => `state.${name}`),
)

interface Shown {
  comps: string[]
  result: boolean | null
  comment: string
  changes: unknown
  warnings: string[]
  start: string
  duration: number | undefined
  runNum: number
}

/** Whether what a function returned is a state run. */
export function isHighstate(value: unknown, fun?: string): boolean {
  if (fun !== undefined && RUNS.has(fun) && Array.isArray(value))
    return value.length > 0 && value.every(one => typeof one === 'string')
  if (isObject(value) && Object.keys(value).length === 0) return fun !== undefined && RUNS.has(fun)
  return isStateRun(value)
}

/** Lines of runs, by the names of who ran them. */
export const highstate = (data: Readonly<Record<string, unknown>>, style: HighstateStyle): string[] =>
  Object.entries(data).flatMap(([host, value]) => showHost(host, value, style).lines)

interface Host {
  lines: string[]
  changed: boolean
}

function showHost(host: string, value: unknown, style: HighstateStyle): Host {
  const paint = painter(style)
  const title = (code: string) => paint(code, `${printable(host)}:`)
  if (Array.isArray(value)) {
    const lines = value.flatMap(line => [
      paint(LIGHT_RED, '----------'),
      ...linesOf(String(line)).map(one => paint(LIGHT_RED, `    ${one}`)),
    ])
    return { lines: [title(LIGHT_RED), paint(LIGHT_RED, '    Data failed to compile:'), ...lines], changed: false }
  }
  // A step of an orchestration that called a function shows what that returned: always as changed.
  if (!isObject(value))
    return {
      lines: [title(CYAN), ...nested(value, { colour: false }).map(line => paint(GREEN, `    ${line}`))],
      changed: true,
    }
  const states = Object.entries(value)
    .flatMap(([tag, state]) => (isObject(state) && 'result' in state ? [readState(tag, state)] : []))
    .sort((a, b) => a.runNum - b.runNum)
  const shown = states.map(state => ({ state, changes: showChanges(state.changes, style) }))
  const lines = shown.flatMap(({ state, changes }) => showState(state, changes, style))
  const changed = shown.filter(({ changes }) => changes.changed).length
  const results = new Set(states.map(({ result }) => result))
  const code = results.has(false) ? RED : results.has(null) ? LIGHT_YELLOW : GREEN
  return { lines: [title(code), ...lines, ...summary(host, states, changed, paint)], changed: changed > 0 }
}

function readState(tag: string, state: Record<string, unknown>): Shown {
  const { result, comment, changes, warnings, start_time, duration, __run_num__ } = state
  return {
    comps: tag.split('_|-').map(printable),
    result: result === true || result === null ? result : false,
    comment: Array.isArray(comment) ? comment.join('\n') : String(comment ?? ''),
    changes: changes ?? {},
    warnings: Array.isArray(warnings) ? warnings.map(String) : [],
    start: printable(String(start_time ?? '')),
    duration: Number.isFinite(Number(duration ?? Number.NaN)) ? Number(duration) : undefined,
    runNum: Number(__run_num__) || 0,
  }
}

interface Changes extends Host {}

function showChanges(changes: unknown, style: HighstateStyle): Changes {
  const paint = painter(style)
  const indent = ' '.repeat(14)
  if (!isObject(changes))
    return { changed: true, lines: [paint(CYAN, `${indent}Invalid Changes data: ${printable(String(changes))}`)] }
  if (Object.keys(changes).length === 0) return { changed: false, lines: [] }
  if (changes.out === 'highstate' && isObject(changes.ret)) {
    const hosts = Object.entries(changes.ret).map(([host, value]) => showHost(host, value, style))
    return {
      changed: hosts.some(one => one.changed),
      lines: hosts.flatMap(one => one.lines).map(line => indent + line),
    }
  }
  const lines = ['----------', ...nested(changes, { colour: false })]
  return { changed: true, lines: lines.map(line => paint(CYAN, indent + line)) }
}

function showState(state: Shown, changes: Changes, style: HighstateStyle): string[] {
  const { result, comps } = state
  const clean = result === true && !changes.changed
  const { stateOutput = 'full', stateVerbose = true } = style
  if (!stateVerbose && clean) return []
  const paint = painter(style)
  const code = result === false ? RED : result === null ? LIGHT_YELLOW : changes.changed ? CYAN : GREEN
  const isTerse =
    stateOutput === 'terse' || (stateOutput === 'mixed' && result !== false) || (stateOutput === 'changes' && clean)
  if (isTerse) return terse(state, changes.changed, line => paint(code, line))
  const [module, id, name, fun] = [comps[0], comps[1], comps.slice(2, -1).join('_|-'), comps.at(-1)]
  const lines = [
    '----------',
    `          ID: ${id}`,
    `    Function: ${module}.${fun}`,
    ...(id === name ? [] : [`        Name: ${name}`]),
    `      Result: ${word(result)}`,
    ...linesOf(state.comment.trim()).map((line, at) => (at === 0 ? `     Comment: ${line}` : ' '.repeat(14) + line)),
    `     Started: ${state.start}`,
    `    Duration: ${state.duration === undefined ? '' : `${state.duration} ms`}`,
    '     Changes:   ',
  ]
  return [...lines.map(line => paint(code, line)), ...changes.lines, ...showWarnings(state.warnings, paint)]
}

function terse({ comps, result, start, duration, warnings }: Shown, changed: boolean, paint: (line: string) => string) {
  const what = result === false ? 'Failed' : result === null ? 'Differs' : changed ? 'Changed' : 'Clean'
  const name = comps.slice(2, -1).join('_|-')
  return [
    ...(warnings.length > 0 ? ['Warnings:', ...warnings.flatMap(linesOf)].map(paint) : []),
    paint(
      `  Name: ${name} - Function: ${comps[0]}.${comps.at(-1)} - Result: ${what} - Started: ${start} - Duration: ${duration ?? ''} ms`,
    ),
  ]
}

function showWarnings(warnings: readonly string[], paint: Paint): string[] {
  return warnings
    .flatMap(linesOf)
    .map((line, at) => paint(LIGHT_RED, at === 0 ? `    Warnings: ${line}` : ' '.repeat(14) + line))
}

function summary(host: string, states: readonly Shown[], changed: number, paint: Paint): string[] {
  const count = (result: boolean | null) => states.filter(state => state.result === result).length
  const [well, failed, would] = [count(true), count(false), count(null)]
  const warned = states.filter(({ warnings }) => warnings.length > 0).length
  const widest = Math.max(...[well, failed, would, warned].map(number => String(number).length))
  const width = 'Succeeded'.length + widest + 2
  const counts = (label: string, number: number) => `${label}: ${String(number).padStart(width - label.length - 2)}`
  const about = [
    ...(would > 0 ? [paint(LIGHT_YELLOW, `unchanged=${would}`)] : []),
    ...(changed > 0 ? [paint(GREEN, `changed=${changed}`)] : []),
  ]
  const ms = states.reduce((sum, { duration }) => sum + (duration ?? 0), 0)
  const time = ms > 999 ? (ms / 1000).toFixed(3) : ms.toFixed(3)
  const rule = '-'.repeat(width)
  return [
    '',
    paint(CYAN, `Summary for ${printable(host)}`),
    paint(CYAN, rule),
    paint(GREEN, counts('Succeeded', well + would)) + (about.length > 0 ? ` (${about.join(', ')})` : ''),
    paint(failed > 0 ? RED : CYAN, counts('Failed', failed)),
    ...(warned > 0 ? [paint(LIGHT_RED, counts('Warnings', warned))] : []),
    paint(CYAN, rule),
    paint(CYAN, `Total states run: ${String(states.length).padStart(width - 7)}`),
    paint(CYAN, `Total run time: ${time.padStart(width - 5)} ${ms > 999 ? 's' : 'ms'}`),
  ]
}

type Paint = (code: string, line: string) => string

const painter =
  ({ colour }: HighstateStyle): Paint =>
  (code, line) =>
    colour ? `\u001b[${code}m${line}\u001b[0m` : line

const word = (result: boolean | null): string => (result === null ? 'None' : result ? 'True' : 'False')

const linesOf = (text: string): string[] => text.split(/\r\n|\n|\r/).map(printable)
