// What a gateway counts, for its metrics.
import { createHistogram, type HistogramReading } from '../base/histogram.ts'
import type { Result } from './refusal.ts'

export interface GatewayStats {
  /** `hook`: as the config has it; empty where none was found. */
  answered(hook: string, result: Result): void
  /** From the head of a request to its answer. */
  stored(ms: number): void
  read(): { requests: ReadonlyMap<string, ReadonlyMap<Result, number>>; store: HistogramReading }
}

export function createGatewayStats(): GatewayStats {
  const requests = new Map<string, Map<Result, number>>()
  const store = createHistogram()
  return {
    answered(hook, result) {
      const counts = requests.get(hook) ?? new Map<Result, number>()
      requests.set(hook, counts.set(result, (counts.get(result) ?? 0) + 1))
    },
    stored: ms => store.observe(ms),
    read: () => ({ requests, store: store.read() }),
  }
}
