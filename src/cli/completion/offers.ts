// Candidates from the shipped functions and from a running system; from a system that is away or slow, none.
import type { ClientOptions } from '../client.ts'
import type { Candidate, Offers } from './complete.ts'

const JIDS = 30
/** A system that answers at all does so in a few milliseconds; nobody waits for a completion. */
const WITHIN_MS = 400

export const offers: Offers = {
  async functions(kind) {
    const { loadFunctions } = await import('../../functions/load.ts')
    const registry = await loadFunctions(kind)
    return registry.docs().map(({ name, doc }) => ({ value: name, what: doc.split('\n')[0]! }))
  },
  minions: options => soon(minions(options)),
  jids: options => soon(jids(options)),
}

async function minions(options: ClientOptions): Promise<Candidate[]> {
  const [{ openClient }, { askPublish }] = await Promise.all([import('../client.ts'), import('../../call/collect.ts')])
  const { bus, user } = await openClient(options)
  const everyone = { tgt: '*', fun: 'test.ping', resolve: true }
  const resolved = await askPublish<{ minions: string[] }>(bus, everyone, user)
  return resolved.minions.map(value => ({ value }))
}

async function jids(options: ClientOptions): Promise<Candidate[]> {
  const [{ openClient }, { createJobCache }] = await Promise.all([
    import('../client.ts'),
    import('../../cache/client.ts'),
  ])
  const { bus } = await openClient(options)
  const { jobs } = await createJobCache(bus.nc, bus.subjects).jobs({ limit: JIDS })
  return jobs.map(({ jid, fun }) => ({ value: jid, what: fun }))
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
