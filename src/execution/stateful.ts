// What a stateful command says of itself in the last line of its output, as Salt has it: `changed=yes comment='done' version=2`
// or the same in JSON.

import { isObject } from '../base/json.ts'
import type { StateReturn } from '../functions/state-context.ts'

/** The result that `output` asks for in place of the one it has; a command that failed has failed whatever it says. */
export function reinterpreted(ended: StateReturn, output: string, test: boolean): StateReturn {
  const last = output.trim().split('\n').at(-1)?.trim() ?? ''
  const said = readJson(last) ?? readPairs(last)
  if (said === undefined) {
    const comment = `${ended.comment}\nThe last line of its output says nothing of what it changed: write changed=yes or changed=no`
    return { ...ended, result: false, comment }
  }
  const { changed, comment, ...rest } = said
  const isChanged = changed === true || ['yes', 'true', '1'].includes(String(changed).toLowerCase())
  const result = ended.result && isChanged && test ? null : ended.result
  return {
    ...ended,
    result,
    changes: isChanged ? { ...ended.changes, ...rest } : {},
    comment: typeof comment === 'string' && comment !== '' ? comment : ended.comment,
  }
}

function readJson(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) && 'changed' in value ? value : undefined
  } catch {
    return undefined
  }
}

const PAIR = /([A-Za-z_][\w.-]*)=(?:"([^"]*)"|'([^']*)'|(\S*))/g

function readPairs(line: string): Record<string, unknown> | undefined {
  const pairs = [...line.matchAll(PAIR)].map(([, key, ...values]) => [key!, values.find(value => value !== undefined)])
  const said = Object.fromEntries(pairs) as Record<string, unknown>
  return Object.hasOwn(said, 'changed') ? said : undefined
}
