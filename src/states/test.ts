// States `test`: they do nothing, and end as they are told to.
import { z } from 'zod'
import { isObject } from '../base/json.ts'
import { state } from '../functions/define.ts'
import { failed, unchanged } from '../functions/state-return.ts'
import * as shared from '../functions/test-states.ts'

export const succeed_without_changes = state(shared.succeed_without_changes)
export const succeed_with_changes = state(shared.succeed_with_changes)
export const fail_without_changes = state(shared.fail_without_changes)
export const fail_with_changes = state(shared.fail_with_changes)
export const nop = state(shared.nop)
export const configurable_test_state = state(shared.configurable_test_state)
export const show_notification = state(shared.show_notification)

const name = z.string().describe('any text')
const keys = z
  .union([z.string().transform(key => [key]), z.array(z.string())])
  .default([])
  .describe('a key of the pillar such as web:port, or a list of them')

const CHECKS = {
  present: () => true,
  boolean: (value: unknown) => typeof value === 'boolean',
  integer: (value: unknown) => Number.isInteger(value),
  string: (value: unknown) => typeof value === 'string',
  listing: (value: unknown) => Array.isArray(value),
  dictionary: (value: unknown) => isObject(value),
} as const
type Check = keyof typeof CHECKS
const WORD: Record<Check, string> = {
  present: 'any value',
  boolean: 'a boolean',
  integer: 'an integer',
  string: 'a text',
  listing: 'a list',
  dictionary: 'a map',
}

export const check_pillar = state({
  doc: `Fails where the pillar lacks one of these keys, or has a value of another type under it. Values are not shown.
    Example:
      the pillar is complete:
        test.check_pillar:
          - present: web
          - integer: [web:port, web:workers]
          - failhard: True`,
  args: { name, present: keys, boolean: keys, integer: keys, string: keys, listing: keys, dictionary: keys },
  idempotent: true,
  run(args, { pillar }) {
    const { value } = pillar.current()
    const problems = (Object.keys(CHECKS) as Check[]).flatMap(check =>
      args[check].flatMap(key => {
        const found = valueAt(value, key)
        if (found === undefined) return [`${key} is missing (${WORD[check]})`]
        return CHECKS[check](found) ? [] : [`${key} is not ${WORD[check]}`]
      }),
    )
    if (problems.length === 0) return unchanged('The pillar has all that is asked for')
    return failed(`The pillar is not as it should be: ${problems.join('; ')}`)
  },
})

function valueAt(tree: unknown, path: string): unknown {
  return path
    .split(':')
    .reduce<unknown>((inner, key) => (isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined), tree)
}
