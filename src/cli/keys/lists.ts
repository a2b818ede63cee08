// Lists of keys as Salt's salt-key shows them: a heading for each state, the ids below it.
import { InvalidArgumentError } from 'commander'
import { cleanText } from '../../base/clean.ts'
import { KEY_STATES, type KeyState, SALT_KEY_LISTS } from '../../protocol/key.ts'
import { createPaint, type Style } from '../../tail/colour.ts'
import { terminalLook } from '../../tail/terminal.ts'

/** Ids by Salt's names of the lists: `minions`, `minions_pre`, … */
export type Lists = Readonly<Record<string, readonly string[]>>
/** A text for each id, such as its fingerprint, by list. */
export type Texts = Readonly<Record<string, Readonly<Record<string, string>>>>

const HEADINGS: Readonly<Record<KeyState, [text: string, style: Style]>> = {
  accepted: ['Accepted Keys:', 'good'],
  denied: ['Denied Keys:', 'bad'],
  pending: ['Unaccepted Keys:', 'auth'],
  rejected: ['Rejected Keys:', 'bad'],
}
/** The state that is meant: by its name, by what salt-key calls it, or by the beginning of either. Throws of any other. */
export function stateNamed(word: string): KeyState | 'all' {
  if (word === 'all') return word
  const state = /^[a-z]{2,}$/.test(word)
    ? KEY_STATES.find(one => NAMES[one].some(name => name.startsWith(word)))
    : undefined
  if (state !== undefined) return state
  throw new InvalidArgumentError(`Expected all, ${KEY_STATES.join(', ')}; a glob goes with 'key finger'.`)
}

const NAMES: Readonly<Record<KeyState, readonly string[]>> = {
  accepted: ['accepted'],
  pending: ['pending', 'pre', 'unaccepted'],
  rejected: ['rejected'],
  denied: ['denied'],
}
/** Salt's order. */
const ORDER: readonly KeyState[] = ['accepted', 'denied', 'pending', 'rejected']

/** Each state's heading and its ids, sorted; an id that has a text has it behind a colon. */
export function listLines(
  lists: Lists | Texts,
  states: readonly KeyState[] = ORDER,
  colour = terminalLook().colour,
): string[] {
  const paint = createPaint(colour)
  return ORDER.filter(state => states.includes(state)).flatMap(state => {
    const [heading, style] = HEADINGS[state]
    const found = lists[SALT_KEY_LISTS[state]] ?? []
    const rows: [string, string?][] = Array.isArray(found) ? found.map(id => [id]) : Object.entries(found)
    rows.sort(([a], [b]) => (a < b ? -1 : 1))
    return [
      paint('dim', heading),
      ...rows.map(([id, text]) => paint(style, cleanText(id)) + (text === undefined ? '' : `:  ${cleanText(text)}`)),
    ]
  })
}

/** The states in which there is something. */
export const statesIn = (lists: Lists | Texts): KeyState[] => KEY_STATES.filter(state => idsIn(lists, state).length > 0)

export function idsIn(lists: Lists | Texts, state: KeyState): string[] {
  const found = lists[SALT_KEY_LISTS[state]] ?? []
  return Array.isArray(found) ? [...found] : Object.keys(found)
}

/** Only what is in one of these states. */
export const only = <T extends Lists | Texts>(lists: T, states: readonly KeyState[]): T =>
  Object.fromEntries(
    states
      .filter(state => idsIn(lists, state).length > 0)
      .map(state => [SALT_KEY_LISTS[state], lists[SALT_KEY_LISTS[state]]]),
  ) as T
