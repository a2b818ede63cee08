// The content that a state itself says: `contents`, `contents_pillar`, `contents_grains`.
import type { StateContext } from '../../functions/state-context.ts'
import { traverse } from '../../protocol/target/traverse.ts'
import { failure } from './result.ts'

export interface ContentsAsked {
  contents?: unknown
  contents_pillar?: string | string[] | null | undefined
  contents_grains?: string | string[] | null | undefined
  contents_delimiter: string
  contents_newline: boolean
  allow_empty: boolean
}

/** How many of the three are given. */
export const countContents = ({ contents, contents_pillar, contents_grains }: ContentsAsked): number =>
  [contents, contents_pillar, contents_grains].filter(one => one !== undefined && one !== null).length

/** Undefined where the state says none. Throws a failure in Salt's words. */
export function contentsOf(asked: ContentsAsked, context: StateContext): string | undefined {
  const { contents, contents_pillar, contents_grains, contents_delimiter } = asked
  const found = (data: unknown, keys: string | string[], kind: string) =>
    [keys].flat().flatMap(key => {
      const entry = traverse(data, key.split(contents_delimiter))
      if (!entry) throw failure(`${kind} ${key} does not exist`)
      return entry.value
    })
  if (isGiven(contents_pillar))
    return joined(
      found(context.pillar.current().value, contents_pillar, 'Pillar'),
      asked,
      `contents_pillar ${contents_pillar}`,
    )
  if (isGiven(contents_grains))
    return joined(found(context.grains, contents_grains, 'Grain'), asked, `contents_grains ${contents_grains}`)
  return isGiven(contents) ? joined([contents].flat(), asked, "'contents'") : undefined
}

function joined(parts: readonly unknown[], { contents_newline, allow_empty }: ContentsAsked, what: string): string {
  if (!allow_empty && parts.every(part => part === '' || part === null))
    throw failure(
      `${what} value would result in empty contents. Set allow_empty to True to allow the managed file to be empty.`,
    )
  const [only] = parts
  // Binary, as Salt has it: nothing is a line of it.
  if (parts.length === 1 && typeof only === 'string' && only.includes('\0')) return only
  const text = parts.map(part => lines(part)).join('')
  return contents_newline ? text : text.replace(/[\r\n]+$/, '')
}

/** Each line ended by a newline. */
function lines(part: unknown): string {
  const text = typeof part === 'boolean' ? (part ? 'True' : 'False') : part === null ? '' : part
  if (typeof text !== 'string' && typeof text !== 'number')
    throw failure(
      'Contents specified by contents/contents_pillar/contents_grains is not a string or list of strings, and is not binary data. SLS is likely malformed.',
    )
  const plain = String(text).replace(/\r\n?/g, '\n')
  return plain === '' || plain.endsWith('\n') ? plain : `${plain}\n`
}

const isGiven = <T>(value: T | null | undefined): value is T => value !== undefined && value !== null
