import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'

const drainOf = (rate: unknown) => parseConfig({ queue: { drain: { q: { rate } } } }, 'x').queue.drain.q!.rate

describe('the rate of a drain', () => {
  it.each([
    ['10/s', 10, 1000],
    ['600/m', 600, 60_000],
    ['100 / 10s', 100, 10_000],
    ['5/500ms', 5, 500],
    [{ items: 3, every: '2h' }, 3, 7_200_000],
    [{ items: 3, every: 5 }, 3, 5000],
  ])('%j', (given, items, everyMs) => {
    expect(drainOf(given)).toEqual({ items, everyMs })
  })

  it.each(['10', '0/s', '-1/s', '1.5/s', '10/', '/s', '10/fortnight', { items: 0, every: '1s' }, { items: 1 }, 10])(
    'is refused where it is none: %j',
    given => {
      expect(() => drainOf(given)).toThrow("'queue.drain.q.rate")
    },
  )
})

it('queues have settings, and those of postgres stand as Salt writes them', () => {
  const config = parseConfig({ 'queue.postgres.host': 'db1', runner_queue: { backend: 'jetstream' } }, 'x')
  expect(config.queue).toEqual({ backend: 'sqlite', dir: 'var/queue', lease: 60_000, tries: 5, drain: {} })
  expect(config.runner_queue).toEqual({ queue: 'runner_queue', backend: 'jetstream' })
  expect(config.returner_settings).toEqual({ 'queue.postgres.host': 'db1' })
  expect(() => parseConfig({ queue: { backend: 'pgjsonb' } }, 'x')).toThrow("'queue.backend'")
  expect(() => parseConfig({ queue: { drain: { 'a.b': { rate: '1/s' } } } }, 'x')).toThrow("a queue's name is")
  expect(() => parseConfig({ queue: { lease: '10ms' } }, 'x')).toThrow('a lease is 1s at least')
})
