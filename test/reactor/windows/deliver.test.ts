import { expect, it } from 'vitest'
import type { ReactionEvent } from '../../../src/protocol/reaction.ts'
import { createDeliver } from '../../../src/reactor/windows/deliver.ts'
import type { Fire } from '../../../src/reactor/windows/window.ts'
import { keptLog } from '../../helpers/core.ts'
import { bundleOf } from './reactors.ts'

const fireOf = (id: string, storedMs: number): Fire => {
  const event: ReactionEvent = { id, tag: 'n/1', origin: 'web1', seq: 1, storedMs, hops: 0 }
  const window = { key: '', count: 1, first: '', last: '', events: [] }
  return { do: 'fire', at: storedMs, event, trigger: { event, data: {}, stamp: '', sources: 0 }, window, bytes: 1 }
}

it('a window that is opened by an id that was there before is other work; folded anew it is the same', async () => {
  const bundle = bundleOf('b1', 'rule: r\non: n/*\ngroup: { for: 1s }\ndo: runner.test.arg\n')
  const matched: ReactionEvent[] = []
  const deliver = createDeliver({
    settle: {
      match(_entry, _bundle, event, _facts, _sources, settled) {
        matched.push(event)
        settled(undefined)
      },
      park: () => expect.fail('nothing is parked'),
      parked: new Map(),
    },
    suppressions: { add: async () => undefined, record: async () => undefined, stats: () => new Map() } as never,
    grainsOf: () => undefined,
    lookUp: async () => ({}),
    log: keptLog().log,
  })
  for (const storedMs of [1000.25, 9000, 1000.25]) deliver.give(bundle.entries[0]!, 'b1', fireOf('chosen', storedMs))
  await deliver.stored()
  const [first, second, again] = matched
  expect(first!.id).not.toBe(second!.id)
  expect(again!.id).toBe(first!.id)
  expect(matched.map(({ own }) => own)).toEqual(['chosen', 'chosen', 'chosen'])
})
