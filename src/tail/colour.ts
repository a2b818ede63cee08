// The kinds of events as people tell them apart, and the colours that show them.
import { stateOf } from './state-run.ts'

export type Kind = 'job' | 'run' | 'wheel' | 'minion' | 'auth' | 'presence' | 'beacon' | 'other' | 'own'
export type Style = Kind | 'failed' | 'dim' | 'good' | 'bad' | 'rule'

/** Puts a text into a colour; gives it back as it is where colours are off. */
export type Paint = (style: Style, text: string) => string

// The terminal's own sixteen colours, so that its theme keeps them readable.
const SGR: Record<Style, string> = {
  job: '36',
  run: '94',
  wheel: '35',
  minion: '32',
  auth: '33',
  presence: '90',
  beacon: '95',
  other: '37',
  own: '1',
  failed: '31',
  dim: '2',
  good: '32',
  bad: '31',
  rule: '33',
}

export const createPaint = (on: boolean): Paint =>
  on ? (style, text) => (text === '' ? '' : `\x1b[${SGR[style]}m${text}\x1b[0m`) : (_style, text) => text

/**
 * Whether to colour: not with `--no-color`, not with `NO_COLOR` set to anything (https://no-color.org), not on a dumb
 * terminal, and only where a terminal reads.
 */
export function wantsColour(
  asked: boolean | undefined,
  isTerminal: boolean,
  env: Record<string, string | undefined>,
): boolean {
  return asked !== false && isTerminal && !env.NO_COLOR && env.TERM !== 'dumb'
}

const KINDS: Record<string, Kind> = {
  job: 'job',
  run: 'run',
  wheel: 'wheel',
  minion: 'minion',
  auth: 'auth',
  key: 'auth',
  presence: 'presence',
  beacon: 'beacon',
}

/** The kind of an event by its tag; tags outside `salt/` are the users' own. */
export function kindOf(tag: string): Kind {
  const [first, second] = tag.split('/', 2)
  if (first !== 'salt' || second === undefined) return 'own'
  return (Object.hasOwn(KINDS, second) ? KINDS[second] : undefined) ?? 'other'
}

/** A return that says it failed: by its `retcode` or `success`; a state that failed; a login or a key that was refused. */
export function isFailure(tag: string, data: Record<string, unknown>): boolean {
  const kind = kindOf(tag)
  if (kind === 'auth') return data.result === false
  if (!isReturn(tag)) return stateOf(tag, data)?.result === false
  const retcode = data.retcode
  return data.success === false || (retcode !== undefined && retcode !== null && retcode !== 0)
}

/** `salt/job/<jid>/ret/<id>`, `salt/run/<jid>/ret`, `salt/wheel/<jid>/ret`. */
export function isReturn(tag: string): boolean {
  const [salt, kind, , ret] = tag.split('/', 4)
  return salt === 'salt' && (kind === 'job' || kind === 'run' || kind === 'wheel') && ret === 'ret'
}
