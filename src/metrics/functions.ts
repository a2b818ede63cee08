// Counts runner and wheel functions, and jobs sent to minions, around the functions that do them.
import type { PublishJob } from '../jobs/publish.ts'
import type { RunFunction } from '../jobs/run-function.ts'
import { by, type Source } from './registry.ts'

export function countFunctions(kind: 'runner' | 'wheel', run: RunFunction): { run: RunFunction; source: Source } {
  const ended = { success: 0, failed: 0 }
  let running = 0
  return {
    async run(call) {
      running += 1
      let ok = false
      try {
        const ran = await run(call)
        ok = ran.outcome.ok
        return ran
      } finally {
        running -= 1
        ended[ok ? 'success' : 'failed'] += 1
      }
    },
    source: () => ({
      reactor_functions_running: [{ labels: { kind }, value: running }],
      reactor_functions_total: Object.entries(ended).map(([result, value]) => ({ labels: { kind, result }, value })),
    }),
  }
}

export function countPublished(publish: PublishJob): { publish: PublishJob; source: Source } {
  const counts = { accepted: 0, refused: 0 }
  return {
    async publish(request, asked) {
      let result: keyof typeof counts = 'refused'
      try {
        const published = await publish(request, asked)
        result = 'accepted'
        return published
      } finally {
        counts[result] += 1
      }
    },
    source: () => ({ reactor_jobs_published_total: by('result', Object.entries(counts), count => count) }),
  }
}
