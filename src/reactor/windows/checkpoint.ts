// The state of a partition on disk. A head that is written by compare-and-set names all of it, so that it changes at once and
// a leader of the past cannot change it any more; states that are large lie in parts of their own, which nobody writes twice.
import { setImmediate as turn } from 'node:timers/promises'
import type { KV } from '@nats-io/kv'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { isWrongSequence } from '../../bus/overtaken.ts'
import { newEventId } from '../../protocol/event.ts'
import { escapeToken } from '../../protocol/token.ts'
import { readWindowHead, type WindowHead, type WindowState, windowHeadKey } from '../../protocol/window-head.ts'

/** Of one rule, as it is at the moment. */
export interface Snapshot {
  definition: string
  seq: number
  /** Undefined: as it was saved last. */
  text: string | undefined
}

export interface Loaded {
  head: WindowHead
  /** JSON texts; of a rule whose state cannot be read there is none. */
  states: Map<string, string>
}

/** The state of a rule as it was saved. */
export interface SavedRule {
  definition: string
  seq: number
  state: unknown
}

export interface Checkpoint {
  /**
   * What was saved last, by whomever. From then on nobody who loaded before may save, and what their unfinished saves have
   * left is removed. Rejects where it is not known, or where another loads at the same time.
   */
  load(): Promise<Loaded | undefined>
  /** False where another has saved meanwhile: nothing may be saved any more. Rejects where it is not known. */
  save(head: Pick<WindowHead, 'seq' | 'created'>, rules: ReadonlyMap<string, Snapshot>): Promise<boolean>
  /** Nothing is left of it; false as above. */
  clear(): Promise<boolean>
}

/** A state up to this size lies in the head, for as long as all of them together are no more than the second. */
const INLINE_BYTES = 8 * 1024
const HEAD_BYTES = 256 * 1024
const PART_BYTES = 256 * 1024

export function createCheckpoint(bucket: KV, partition: number, log: Log): Checkpoint {
  const key = windowHeadKey(partition)
  let revision = 0
  let states: Record<string, WindowState> = {}
  let swept = false
  const partKey = (rule: string, generation: string, part: number) =>
    `${key}.${escapeToken(rule)}.${generation}.${part}`
  const partKeys = (all: Record<string, WindowState>) =>
    Object.entries(all).flatMap(([rule, { parts }]) =>
      Array.from({ length: parts?.count ?? 0 }, (_, part) => partKey(rule, parts!.generation, part)),
    )
  const remove = async (keys: readonly string[]) => {
    try {
      for (const one of keys) await bucket.purge(one)
    } catch (error) {
      // Whoever leads next looks for what nobody names.
      log.debug({ partition, error: errorMessage(error) }, 'parts of an old state are left')
    }
  }

  /** Parts that nobody names. Only for who has written the head: until then who was before may still come to name them. */
  const sweep = async () => {
    swept = true
    const named = new Set(partKeys(states))
    try {
      const left: string[] = []
      for await (const one of await bucket.keys(`${key}.>`)) if (!named.has(one)) left.push(one)
      await remove(left)
    } catch (error) {
      log.debug({ partition, error: errorMessage(error) }, 'parts of an old state are left')
    }
  }

  /** Undefined where a part is missing. */
  const read = async (rule: string, { text, parts }: WindowState): Promise<string | undefined> => {
    if (!parts) return text
    const found = await Promise.all(
      Array.from({ length: parts.count }, (_, part) => bucket.get(partKey(rule, parts.generation, part))),
    )
    const bytes = found.flatMap(entry => (entry?.operation === 'PUT' ? [entry.value] : []))
    return bytes.length === parts.count ? Buffer.concat(bytes).toString() : undefined
  }
  const write = async (rule: string, { definition, seq }: Snapshot, text: string): Promise<WindowState> => {
    const bytes = Buffer.from(text)
    const generation = newEventId()
    const count = Math.ceil(bytes.length / PART_BYTES)
    for (let part = 0; part < count; part++)
      await bucket.put(partKey(rule, generation, part), bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES))
    return { definition, seq, parts: { generation, count } }
  }
  const compared = async (work: () => Promise<number>): Promise<boolean> => {
    try {
      revision = await work()
      return true
    } catch (error) {
      if (isWrongSequence((error as { code: number }).code)) return false
      throw error
    }
  }

  return {
    async load() {
      const found = await bucket.get(key)
      revision = found?.revision ?? 0
      states = {}
      swept = false
      const head = found?.operation === 'PUT' ? readHead(found.value, log) : undefined
      if (!head) return undefined
      if (!(await compared(() => bucket.put(key, JSON.stringify(head), { previousSeq: revision }))))
        throw new ReactorError('store_refused', 'another reactor has saved the state of stateful rules meanwhile')
      const texts = new Map<string, string>()
      for (const [rule, state] of Object.entries(head.rules)) {
        const text = await read(rule, state)
        if (text === undefined)
          log.error({ rule, partition }, 'a part of the state of a rule is missing; it begins anew')
        else texts.set(rule, text)
      }
      states = head.rules
      await sweep()
      return { head, states: texts }
    },
    async save({ seq, created }, rules) {
      const next: Record<string, WindowState> = {}
      let inline = 0
      for (const [rule, snapshot] of rules) {
        const before = states[rule]
        const text = snapshot.text ?? before?.text
        const { definition, seq: from } = snapshot
        if (text !== undefined && text.length <= INLINE_BYTES && inline + text.length <= HEAD_BYTES) {
          inline += text.length
          next[rule] = { definition, seq: from, text }
        } else if (snapshot.text === undefined && before) next[rule] = { ...before, seq: from }
        else next[rule] = await write(rule, snapshot, text!)
      }
      const head: WindowHead = { seq, at: Date.now(), created, rules: next }
      const saved = await compared(() => bucket.put(key, JSON.stringify(head), { previousSeq: revision }))
      const kept = new Set(partKeys(saved ? next : states))
      const gone = partKeys(saved ? states : next).filter(one => !kept.has(one))
      if (saved) states = next
      await remove(gone)
      if (saved && !swept) await sweep()
      return saved
    },
    async clear() {
      const gone = partKeys(states)
      const cleared = await compared(async () => {
        await bucket.purge(key, { previousSeq: revision })
        return 0
      })
      if (cleared) await remove(gone)
      return cleared
    },
  }
}

/** Who cannot read it leads all the same, and begins anew. */
function readHead(value: Uint8Array, log: Log): WindowHead | undefined {
  try {
    return readWindowHead(JSON.parse(Buffer.from(value).toString()))
  } catch (error) {
    log.error({ error: errorMessage(error) }, 'the state of stateful rules cannot be read; they begin anew')
    return undefined
  }
}

/** The states that are JSON, one in each turn: they may be large. */
export async function readStates({ head, states }: Loaded, log: Log): Promise<Map<string, SavedRule>> {
  const saved = new Map<string, SavedRule>()
  for (const [rule, text] of states) {
    const { definition, seq } = head.rules[rule]!
    try {
      saved.set(rule, { definition, seq, state: JSON.parse(text) })
    } catch (error) {
      log.error({ rule, error: errorMessage(error) }, 'the state of a rule is no JSON; it begins anew')
    }
    await turn()
  }
  return saved
}
