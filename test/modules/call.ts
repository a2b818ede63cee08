// Calls a shipped function as a minion, a job worker or the master would, with a context that records what it did.
import { silentLog } from '../../src/base/log.ts'
import { bindArgs } from '../../src/functions/args.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import type { ExecutionContext } from '../../src/functions/minion-context.ts'
import type { RunnerContext } from '../../src/functions/runner-context.ts'
import type { WheelContext } from '../../src/functions/wheel-context.ts'

const registries = {
  execution: await loadFunctions('execution'),
  runner: await loadFunctions('runner'),
  wheel: await loadFunctions('wheel'),
}

export interface Recorded {
  fired: { tag: string; data: Record<string, unknown> }[]
  /** On the minion's own bus. */
  said: { tag: string; data: Record<string, unknown> }[]
  retcode: number | undefined
}
type Everything = ExecutionContext & RunnerContext & WheelContext

export function caller(kind: keyof typeof registries, overrides: Partial<Everything> = {}) {
  const recorded: Recorded = { fired: [], said: [], retcode: undefined }
  const registry = registries[kind]
  const context: Everything = {
    id: 'web1',
    jid: '20260101000000000000',
    user: 'tester',
    key: 'k',
    log: silentLog,
    signal: new AbortController().signal,
    grains: {},
    profiles: { smtp: {}, http: {} },
    fire: async (tag, data) => void recorded.fired.push({ tag, data }),
    bus: { fire: async (tag, data) => void recorded.said.push({ tag, data }) },
    docs: () => registry.docs(),
    setRetcode: retcode => {
      recorded.retcode = retcode
    },
    publish: async () => ({ jid: '1', minions: [] }),
    config: () => ({}),
    connected: () => [],
    ...overrides,
  } as Everything
  const call = async (name: string, positional: unknown[] = [], keyword: Record<string, unknown> = {}) => {
    const fn = registry.get(name)
    return (fn.run as (args: Record<string, unknown>, context: Everything) => unknown)(
      bindArgs(name, fn, positional, keyword),
      context,
    )
  }
  return { call, recorded }
}
