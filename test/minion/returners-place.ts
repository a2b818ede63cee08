// A minion's returners for tests, and stores that do as they are told.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createRefusedReturns, type RefusedReturns } from '../../src/minion/refused-returns.ts'
import { type Destination, openReturnerSpool } from '../../src/minion/returner-spool.ts'
import type { ReturnerStores } from '../../src/minion/returner-stores.ts'
import { startReturners } from '../../src/minion/returners.ts'
import type { StoredReturn } from '../../src/protocol/returned.ts'
import { jidAt, returnOf } from '../contract/returners.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen } from '../helpers/wait.ts'

export const MB = 1024 * 1024
export const NOW = Date.UTC(2026, 10, 20, 9, 18, 20)
export const newReturn = (more: Partial<StoredReturn> = {}) => returnOf(jidAt(NOW), 'm1', more)

/** A minion's returners on a folder of their own, that can be stopped and started again, and stores that do as they are told. */
export async function createPlace({ always = [] as string[], mostBytes = 64 * MB, limitMs = 60_000 } = {}) {
  const dir = await testFolder()
  const { log, lines } = keptLog()
  const said = createSeen<Record<string, unknown> & { what: string }>()
  const calls = createSeen<{ to: Destination; jids: string[] }>()
  const stored = createSeen<{ to: Destination; returned: StoredReturn }>()
  const released = createSeen<Destination>()
  /** What a store does with a batch, and whether it can be opened. */
  const world: {
    take(batch: readonly StoredReturn[], to: Destination): Promise<void>
    open(to: Destination): void
    unknown: string[]
    /** Between the returners and the file of what was refused. */
    refused(own: RefusedReturns): RefusedReturns
  } = {
    take: async () => undefined,
    open: () => undefined,
    unknown: [],
    refused: own => own,
  }
  const stores: ReturnerStores = {
    check: async () => undefined,
    open: async to => {
      world.open(to)
      return {
        async returner(batch) {
          calls.push({ to, jids: batch.map(({ jid }) => jid) })
          await world.take(batch, to)
          for (const returned of batch) stored.push({ to, returned })
        },
        close: async () => undefined,
      }
    },
    unknownSettings: async () => world.unknown,
    release: to => released.push(to),
    close: async () => undefined,
  }
  const start = async () => {
    const file = await openReturnerSpool(join(dir, 'returners.jsonl'), log)
    const returners = startReturners({
      file,
      refused: world.refused(createRefusedReturns(join(dir, 'refused-returns.jsonl'), log)),
      stores,
      always,
      mostBytes,
      say: (what, data) => said.push({ what, ...data }),
      limitMs,
      backoff: { firstMs: 5, mostMs: 20 },
      log,
    })
    let stopped = false
    const stop = async () => {
      if (stopped) return
      stopped = true
      await returners.stop()
      await file.close()
    }
    onTestFinished(stop)
    return { ...returners, file, stop }
  }
  const states = () => said.items.filter(({ what }) => what === 'returner').map(({ state }) => state)
  const parked = async () =>
    (await readFile(join(dir, 'refused-returns.jsonl'), 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as { k: string; v?: Record<string, unknown> })
  return { dir, log, lines, said, calls, stored, released, world, start, states, parked }
}
