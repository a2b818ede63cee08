// What reading from the stores of returners may cost.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openOthers } from '../../src/cache/returning/open-others.ts'
import { withOthers } from '../../src/cache/returning/with-others.ts'
import type { ReadLimits, ReturnerStore } from '../../src/functions/define-returner.ts'
import type { JobView } from '../../src/protocol/job-view.ts'
import { loadOf, returnOf } from '../contract/returners.ts'

afterEach(() => void vi.useRealTimers())

const HOUR = 3_600_000
const jidOf = (n: number) => `20261121000000${String(n).padStart(6, '0')}`

/** `local`: what the job cache has of a job. */
async function readerOf(store: Partial<ReturnerStore>, master = 'mysql', local: Partial<JobView> | null = null) {
  const stores = async () => ({
    open: async () => ({ ...store, close: async () => undefined }),
    close: async () => undefined,
  })
  const others = await openOthers(master, stores as never, { jobTimeoutMs: HOUR, runTimeoutMs: HOUR })
  const waits = { answer: async () => ({ job: local as JobView | null, marker: '' }) }
  return withOthers({ jobs: async () => ({ jobs: [], more: false }) }, waits, others, Date.now)
}

/** A store whose reads go on until they are given up. */
function stuckStore() {
  const reads: (ReadLimits & { jid: string })[] = []
  const get_jid: ReturnerStore['get_jid'] = (jid, limits = {}) => {
    reads.push({ jid, ...limits })
    return new Promise((_, reject) =>
      limits.signal?.addEventListener('abort', () => reject(limits.signal!.reason), { once: true }),
    )
  }
  return { reads, store: { get_load: async () => undefined, get_jid } }
}

it.each([
  ["the master's", 'mysql', {}],
  ['another', 'local', { ext_source: 'redis' }],
])(
  'reads few jobs at once from %s store, gives up those that are late, and never begins those that wait',
  async (_whose, master, more) => {
    vi.useFakeTimers()
    const { reads, store } = stuckStore()
    const reader = await readerOf(store, master)
    const ask = (n: number) =>
      reader.answer({ jid: jidOf(n), ...more }).then(
        ({ incomplete }) => incomplete,
        error => error.message,
      )
    const answers = Promise.all(Array.from({ length: 50 }, (_, n) => ask(n)))
    await vi.advanceTimersByTimeAsync(7000)
    expect(reads).toMatchObject([0, 1].map(n => ({ jid: jidOf(n), maxBytes: 64 * 1024 * 1024 })))
    await vi.advanceTimersByTimeAsync(1000)
    const [first, second, ...others] = await answers
    for (const said of [first, second]) expect(said).toMatch(/its store has not answered within 8 seconds$/)
    for (const said of others) expect(said).toMatch(/its store is busy with other reads: /)
    expect(reads.map(({ signal }) => signal!.aborted)).toEqual([true, true])
    void ask(50)
    await vi.advanceTimersByTimeAsync(0)
    expect(reads.map(({ jid }) => jid)).toEqual([0, 1, 50].map(jidOf))
  },
)

it('goes on with a list no further than its asker waits', async () => {
  vi.useFakeTimers()
  let pieces = 0
  const loads = Array.from({ length: 1000 }, (_, n) => loadOf(jidOf(n)))
  const reader = await readerOf({
    get_load: async () => undefined,
    get_jid: async () => ({}),
    get_jids_filter: ({ count }) => {
      pieces += 1
      return new Promise(resolve => setTimeout(resolve, 5000, loads.slice(0, count)))
    },
  })
  const page = reader.jobs({ fun: 'no.such' }, 0, 1_000_000)
  await vi.advanceTimersByTimeAsync(60_000)
  expect((await page).incomplete).toMatch(/has not answered within 8 seconds$/)
  expect(pieces).toBe(2)
})

describe('of a job that the job cache has', () => {
  const local = {
    jid: jidOf(1),
    tgt: '*',
    user: 'root',
    minions: ['m1', 'm2'],
    returns: { m1: {} },
  } as never as JobView
  const storeWith = (ids: string[]) => {
    const read: string[] = []
    const get_jid = async (jid: string) => {
      read.push(jid)
      return Object.fromEntries(ids.map(id => [id, returnOf(jid, id)]))
    }
    return { read, store: { get_load: async () => loadOf(jidOf(1)), get_jid, get_jid_minions: async () => ids } }
  }

  it('no returns are read where the store has none beside', async () => {
    const { read, store } = storeWith(['m1'])
    const reader = await readerOf(store, 'mysql', local)
    expect((await reader.answer({ jid: jidOf(1) })).job).toBe(local)
    expect(read).toEqual([])
  })

  it('the returns are read where it has others', async () => {
    const { read, store } = storeWith(['m1', 'm2'])
    const reader = await readerOf(store, 'mysql', { ...local, states: { m1: 'returned', m2: 'offline' } })
    expect(Object.keys((await reader.answer({ jid: jidOf(1) })).job!.returns).sort()).toEqual(['m1', 'm2'])
    expect(read).toEqual([jidOf(1)])
  })
})
