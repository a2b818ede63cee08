// Calls `http.query` as a process does, arguments bound by their schema, with a clock that only remembers its waits.

import type { QueryArgs } from '../../src/alerts/http-plan.ts'
import { runQuery } from '../../src/alerts/http-tries.ts'
import type { Clock } from '../../src/base/clock.ts'
import type { ReactorError } from '../../src/base/errors.ts'
import { bindArgs } from '../../src/functions/args.ts'
import { query } from '../../src/modules/http.ts'
import { createContext, type Setting } from './call-context.ts'

export interface Result {
  status: number
  headers: Record<string, string>
  body?: string
  dict?: unknown
  encoding?: string
  url: string
  tries: number
}

export const START = Date.parse('2026-01-01T00:00:00Z')

/** A clock whose sleeps end at once and move its hands. */
export function createTestClock(): Clock & { waits: number[] } {
  const waits: number[] = []
  let now = START
  return {
    waits,
    now: () => now,
    async sleep(ms) {
      waits.push(ms)
      now += ms
    },
  }
}

export function createCaller(setting: Setting = {}) {
  const clock = createTestClock()
  const context = createContext(setting)
  const call = async (url: string | undefined, args: Record<string, unknown> = {}): Promise<Result> => {
    const given = url === undefined ? args : { url, ...args }
    const { profile, ...bound } = bindArgs('http.query', query, [], given)
    const result = await runQuery(bound as unknown as QueryArgs, profile as string | undefined, context, {
      clock,
      random: () => 1,
    })
    return result as unknown as Result
  }
  const fail = async (url: string | undefined, args: Record<string, unknown> = {}): Promise<ReactorError> => {
    const outcome = await call(url, args).then(
      result => ({ result }),
      (error: ReactorError) => ({ error }),
    )
    if ('error' in outcome) return outcome.error
    throw new Error(`expected a failure, got ${JSON.stringify(outcome.result)}`)
  }
  return { call, fail, clock, context }
}
