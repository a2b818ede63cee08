// The chain of causes: what each event, job and reaction hands on to those that it causes.

export interface Trace {
  /** Id of the event, or jid of the job, that caused it. */
  cause?: string | undefined
  /** How many causes lie before it. */
  hops?: number | undefined
  /** Rules among them, oldest first, joined by commas; absent: none. */
  chain?: string | undefined
}

/** Rules that a chain names at most, the latest: as many as there can be causes, so that each lap of a loop is counted. */
const MOST = 64
/** Characters; of longer ones the oldest names are left out. */
const LONGEST = 4000

/** The chain of what a rule causes. */
export function extendChain(chain: string | undefined, rule: string): string {
  const rules = [...readChain(chain), rule].slice(-MOST)
  let longer = rules.join(',')
  while (longer.length > LONGEST && rules.length > 1) {
    rules.shift()
    longer = rules.join(',')
  }
  return longer
}

/** The rules of a chain that came from outside; none where it is none. */
export function readChain(chain: string | undefined): string[] {
  return chain === undefined || chain === '' || chain.length > LONGEST ? [] : chain.split(',').slice(-MOST)
}

/** A chain that came from outside; undefined where it is none, or too long to be ours. */
export const boundedChain = (chain: string | undefined): string | undefined =>
  chain !== undefined && chain.length > LONGEST ? undefined : chain || undefined

/** What a record or a message keeps of a trace: nothing where there is nothing. */
export function keptTrace({ cause, chain }: Trace): { cause?: string; chain?: string } {
  return { ...(cause ? { cause } : {}), ...(chain ? { chain } : {}) }
}

/** What a job hands on to its events and to the jobs that it asks for. */
export function causedBy(jid: string, { hops = 0, chain }: Trace): { cause: string; hops: number; chain?: string } {
  return { cause: jid, hops, ...(chain ? { chain } : {}) }
}

/** The chain of one event about several causes: every rule of both. */
export function joinChains(one: string | undefined, other: string | undefined): string | undefined {
  if (!one || !other || one === other) return one || other
  const known = new Set(one.split(','))
  return other
    .split(',')
    .filter(rule => !known.has(rule))
    .reduce(extendChain, one)
}
