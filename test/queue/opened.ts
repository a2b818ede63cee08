// Queues as a runner function sees them, for tests: a real file, a real event store, and runs that are noted.
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import type { FunctionCall, RanFunction } from '../../src/jobs/run-function.ts'
import { runnerQueues } from '../../src/jobs/runner-queues.ts'
import type { QueueBackendName } from '../../src/protocol/queue.ts'
import type { Grants } from '../../src/protocol/role.ts'
import { createBackends } from '../../src/queue/backends.ts'
import type { Core } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'

export const FUNCTIONS = ['test.arg', 'event.send', 'http.query']

export async function openQueues(core: Core, usual: QueueBackendName = 'sqlite', dir?: string) {
  const backends = createBackends({
    ...{ nc: core.nc, subjects: core.subjects, publisher: core.publisher, usual },
    dir: dir ?? join(await testFolder(), 'queue'),
    returnerSettings: {},
    settings: { leaseMs: 60_000, tries: 5 },
    log: silentLog,
  })
  onTestFinished(() => backends.stop())
  const ran: FunctionCall[] = []
  const released: string[] = []
  let answer: (call: FunctionCall) => RanFunction['outcome'] = () => ({ ok: true, value: 'done' })
  const parts = {
    ...{ open: backends.open, fire: core.fire, runnerQueue: { queue: 'runner_queue' } },
    marks: { release: (keys: readonly string[]) => void released.push(...keys) },
    async run(call: FunctionCall): Promise<RanFunction> {
      ran.push(call)
      return { jid: `j${ran.length}`, outcome: answer(call), marked: true }
    },
  }
  /** For a call of somebody; without grants the program itself asks. */
  const as = (user: string, grants?: Grants, more: Partial<FunctionCall & { jid: string }> = {}) =>
    runnerQueues(
      parts,
      { fun: 'own.fun', arg: [], kwarg: {}, user, jid: '9', ...(grants ? { grants: () => grants } : {}), ...more },
      () => FUNCTIONS,
    )
  const answering = (outcome: typeof answer) => {
    answer = outcome
  }
  return { backends, parts, ran, released, as, answering }
}
