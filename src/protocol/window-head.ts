// The checkpoint of a partition of the stateful rules, as it lies in the bucket `windows`: one head under the partition's name
// (`0`, `1`, …), written by compare-and-set of its revision. Large states lie beside it in parts, under
// `<partition>.<rule, escaped>.<generation>.<part>`.
import { isObject } from '../base/json.ts'

export interface WindowHead {
  /**
   * Events of EVENTS up to this sequence are in the state, for every rule: they may go. There is no head where no rule folds
   * events. It goes back where a rule that is new begins behind it.
   */
  seq: number
  /** When it was written, milliseconds since the epoch. */
  at: number
  /** When the stream was made, whose sequences these are. */
  created: string
  rules: Record<string, WindowState>
}

export interface WindowState {
  /** Hash of the parts of the rule on which its state rests. */
  definition: string
  /** Of a rule that is ahead of the head. */
  seq: number
  /** Where it is small: the JSON text itself. */
  text?: string
  parts?: { generation: string; count: number }
}

export const windowHeadKey = (partition: number): string => String(partition)

/** Whether a key of the bucket is that of a head. */
export const isWindowHeadKey = (key: string): boolean => /^\d+$/.test(key)

/** Throws where it is none. */
export function readWindowHead(value: unknown): WindowHead {
  if (isObject(value) && Number.isSafeInteger(value.seq) && typeof value.created === 'string' && isObject(value.rules))
    return value as unknown as WindowHead
  throw new Error(`expected {seq, at, created, rules}, got ${JSON.stringify(value)?.slice(0, 80)}`)
}
