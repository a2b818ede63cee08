// Facts about jobs, and a store to put them into, for tests of the job cache.
import { onTestFinished } from 'vitest'
import type { Log } from '../../src/base/log.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Fact, NewFact, ReturnFact, SentFact, StartedFact } from '../../src/cache/facts.ts'
import { openSqliteStore } from '../../src/cache/sqlite-store.ts'
import type { JobStore } from '../../src/cache/store.ts'
import { testFolder } from '../helpers/folder.ts'

export const MiB = 1024 * 1024
/** Time of the tests' jobs, milliseconds. */
export const T0 = Date.UTC(2026, 10, 21)
const HOUR = 3_600_000

/** A jid whose order is that of `n`. */
export const jidOf = (n: number): string => `20261121${String(n).padStart(12, '0')}`

export const newJob = (n: number, more: Partial<NewFact> = {}): NewFact => ({
  ...{ what: 'new', jid: jidOf(n), at: T0 + n, kind: 'local', fun: 'test.ping', arg: [], tgt: '*', tgt_type: 'glob' },
  ...{ user: 'root', minions: ['m1'], missing: [], deadline: T0 + n + HOUR, run_until: T0 + n + 2 * HOUR },
  ...more,
})
export const sentJob = (n: number, sent: Partial<SentFact['sent']> = {}, at = T0 + n + 1): SentFact => ({
  ...{ what: 'sent', jid: jidOf(n), at, sent: { offline: [], refused: {}, waiting: [], ...sent } },
})
export const started = (n: number, id = 'm1'): StartedFact => ({ what: 'started', jid: jidOf(n), at: T0 + n + 2, id })
export const returned = (n: number, id = 'm1', more: Partial<ReturnFact> = {}): ReturnFact => ({
  ...{
    what: 'return',
    jid: jidOf(n),
    at: T0 + n + 3,
    id,
    fun: 'test.ping',
    args: [],
    return: true,
    retcode: 0,
    success: true,
  },
  ...more,
})

export async function openStore(
  options: { dir?: string; maxBytes?: number; log?: Log } = {},
): Promise<JobStore & { dir: string; add(...facts: Fact[]): Promise<void> }> {
  const dir = options.dir ?? (await testFolder())
  const store = await openSqliteStore({ dir, maxBytes: options.maxBytes ?? 64 * MiB, log: options.log ?? silentLog })
  onTestFinished(() => store.close())
  return {
    ...store,
    dir,
    add: (...facts) => store.commit(facts.map(fact => ({ fact, bytes: JSON.stringify(fact).length }))),
  }
}
