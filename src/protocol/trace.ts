// The chain of causes: what each event, job and reaction hands on to those that it causes.

export interface Trace {
  /** Id of the event, or jid of the job, that caused it. */
  cause?: string | undefined
  /** How many causes lie before it. */
  hops?: number | undefined
  /** Rules among them, oldest first, joined by commas; absent: none. */
  chain?: string | undefined
}

/** Rules that a chain names at most, the latest; a rule that is met again is met within far fewer. */
const MOST = 16
const LONGEST = 2000

/** The chain of what a rule causes. */
export function extendChain(chain: string | undefined, rule: string): string {
  const longer = chain ? `${chain},${rule}` : rule
  const rules = longer.split(',')
  return rules.length <= MOST ? longer : rules.slice(-MOST).join(',')
}

/** The rules of a chain that came from outside; none where it is none. */
export function readChain(chain: string | undefined): string[] {
  return chain === undefined || chain === '' || chain.length > LONGEST ? [] : chain.split(',').slice(-MOST)
}
