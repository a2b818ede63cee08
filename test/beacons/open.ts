// A beacon as the engine opens it, on this machine.
import { onTestFinished } from 'vitest'
import { readBeacon } from '../../src/beacon/entry.ts'
import type { BeaconDefinition, OpenBeacon } from '../../src/functions/define-beacon.ts'
import { keptLog } from '../helpers/core.ts'

/** Closed when the test has ended. Rejects with what its options are refused for. */
export async function openBeacon(
  definition: BeaconDefinition,
  given: Record<string, unknown>,
  config: Record<string, unknown> = {},
): Promise<{ poll(): Promise<Awaited<ReturnType<OpenBeacon['poll']>>>; lines: ReturnType<typeof keptLog>['lines'] }> {
  const { log, lines } = keptLog()
  const closing = new AbortController()
  const { options } = await readBeacon('tested', given, { names: () => ['tested'], load: async () => definition })
  const open = await definition.open(options, {
    ...{ id: 'web1', log, config, signal: closing.signal },
    grains: () => ({}),
    now: Date.now,
  })
  onTestFinished(async () => {
    closing.abort()
    await open.close?.()
  })
  return { poll: async () => open.poll(), lines }
}
