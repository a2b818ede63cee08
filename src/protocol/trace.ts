// The chain of causes: what each event, job and reaction hands on to those that it causes.
import { isFiringName } from './rule-name.ts'

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

/** The rules of a chain; none where it is none, or too long to be ours. */
export function readChain(chain: string | undefined): string[] {
  return chain === undefined || chain === '' || chain.length > LONGEST ? [] : chain.split(',').slice(-MOST)
}

/**
 * A chain that came from outside: of what can be the name of a rule, and nothing else, for it goes on into records, messages and
 * alarms. Undefined where nothing is left, or where it is too long to be ours.
 */
export function boundedChain(chain: string | undefined): string | undefined {
  if (chain === undefined || chain === '') return undefined
  return readChain(chain).filter(isFiringName).join(',') || undefined
}

/** What a record or a message keeps of a trace: nothing where there is nothing. */
export function keptTrace({ cause, chain }: Trace): { cause?: string; chain?: string } {
  return { ...(cause ? { cause } : {}), ...(chain ? { chain } : {}) }
}

/** What a job hands on to its events and to the jobs that it asks for. */
export function causedBy(jid: string, { hops = 0, chain }: Trace): { cause: string; hops: number; chain?: string } {
  return { cause: jid, hops, ...(chain ? { chain } : {}) }
}

/** The chain of what has two causes: the rules of both, each as often as in the one that has it more often. */
export function joinChains(one: string | undefined, other: string | undefined): string | undefined {
  if (!one || !other || one === other) return one || other
  const left = new Map<string, number>()
  for (const rule of one.split(',')) left.set(rule, (left.get(rule) ?? 0) + 1)
  return other
    .split(',')
    .filter(rule => {
      const known = left.get(rule) ?? 0
      left.set(rule, known - 1)
      return known <= 0
    })
    .reduce(extendChain, one)
}

/** What a rule asks for about an event of before, by a job of its, has that rule among its causes too: else it could for ever. */
export function joinTrace<T extends { hops: number; chain?: string }>(event: T, { hops = 0, chain }: Trace): T {
  const joined = chain ? joinChains(event.chain, chain) : undefined
  return joined ? { ...event, hops: Math.max(event.hops, hops) + 1, chain: joined } : event
}
