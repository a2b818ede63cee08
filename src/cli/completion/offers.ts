// Candidates from the shipped functions and from a running system; from a system that is away or slow, none.
import type { Client, ClientOptions } from '../client.ts'
import type { Candidate, Offers } from './complete.ts'

const JIDS = 30
/** A system that answers at all does so in a few milliseconds; nobody waits for a completion. */
const WITHIN_MS = 500

export const offers: Offers = {
  async functions(kind) {
    const { loadFunctions } = await import('../../functions/load.ts')
    const registry = await loadFunctions(kind)
    return registry.docs().map(({ name, doc }) => ({ value: name, what: doc.split('\n')[0]! }))
  },
  async minions(options) {
    const { askPublish } = await import('../../call/collect.ts')
    return asking(options, async ({ bus, user }) => {
      const everyone = { tgt: '*', fun: 'test.ping', resolve: true }
      const { minions } = await askPublish<{ minions: string[] }>(bus, everyone, user)
      return minions.map(value => ({ value }))
    })
  },
  async contexts() {
    const { contextNames } = await import('../context/file.ts')
    return (await contextNames()).map(value => ({ value }))
  },
  async queues(options) {
    const { askWorker } = await import('../rules/ask-worker.ts')
    return asking(options, async client => {
      const backend = (options as { backend?: string }).backend
      const names = await askWorker<string[]>(client, 'queue.list_queues', backend ? { backend } : {})
      return names.map(value => ({ value }))
    })
  },
  async jids(options) {
    const { createJobCache } = await import('../../cache/client.ts')
    return asking(options, async ({ bus }) => {
      const { jobs } = await createJobCache(bus.nc, bus.subjects).jobs({ limit: JIDS, ext_source: 'local' })
      return jobs.map(({ jid, fun }) => ({ value: jid, what: fun }))
    })
  },
}

async function asking(options: ClientOptions, ask: (client: Client) => Promise<Candidate[]>): Promise<Candidate[]> {
  const { openClient } = await import('../client.ts')
  return soon(openClient(options).then(ask))
}

/** Nothing where it fails or is late. The connection is left open: the process ends once the candidates are printed. */
function soon(asked: Promise<Candidate[]>): Promise<Candidate[]> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve([]), WITHIN_MS)
    const done = (found: Candidate[]) => {
      clearTimeout(timer)
      resolve(found)
    }
    asked.then(done, () => done([]))
  })
}
