// A read of one job within a bound: which returns are read whole, known from their lengths before anything is read, and what is said
// of the others. Of those the two ends of the text are read, which have all but the value.
import type { ReadLimits } from '../functions/define-returner.ts'
import type { StoredReturn } from '../protocol/returned.ts'

/** A return as it lies in the store: JSON, of that length. */
export interface Sized {
  id: string
  bytes: number
}

/** Bytes of each end. What is no longer than both is read whole, whatever the bound. */
export const END_BYTES = 300
/** Of one step: between two of them others have their turn. Ends are read where the texts lie, and only they come here. */
const STEP_BYTES = 4 * 1024 * 1024
const STEP_BYTES_OF_ENDS = 4 * STEP_BYTES
const STEP_RETURNS = 500

export interface ReadPlan {
  whole: Sized[][]
  ends: Sized[][]
}

/** In the order of their ids each is read for which there still is room. */
export function planRead(all: readonly Sized[], { maxBytes = Number.POSITIVE_INFINITY }: ReadLimits = {}): ReadPlan {
  let room = maxBytes
  const isRead = ({ bytes }: Sized): boolean => {
    if (bytes > room && bytes > 2 * END_BYTES) return false
    room -= bytes
    return true
  }
  const sorted = all.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const whole = sorted.filter(isRead)
  const isWhole = new Set(whole)
  const others = sorted.filter(one => !isWhole.has(one))
  return { whole: inSteps(whole, STEP_BYTES), ends: inSteps(others, STEP_BYTES_OF_ENDS) }
}

function inSteps(all: readonly Sized[], mostBytes: number): Sized[][] {
  const steps: Sized[][] = []
  let bytes = 0
  for (const one of all) {
    const step = steps.at(-1)
    bytes += one.bytes
    if (step && step.length < STEP_RETURNS && bytes <= mostBytes) step.push(one)
    else {
      steps.push([one])
      bytes = one.bytes
    }
  }
  return steps
}

export interface TextEnds extends Sized {
  head: string
  tail: string
}

/** A return with a note in the place of its value. */
export function leftOut(jid: string, { id, bytes, head, tail }: TextEnds): StoredReturn {
  const known = { ...scalarsAtStart(head), ...scalarsAtEnd(tail) }
  const why = `${bytes} bytes: the returns of this job are more than one answer can hold`
  const note = { _left_out: 'success' in known ? why : `${why}; whether it succeeded cannot be told without it` }
  const unknown = { fun: '', retcode: 1, success: false, cmd: '_return', _stamp: '' } as const
  return { ...unknown, ...known, jid, id, fun_args: [note], return: note }
}

const TEXT = String.raw`"(?:[^"\\]|\\.)*"`
const PAIR = String.raw`\s*${TEXT}\s*:\s*(?:${TEXT}|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*`
// No bracket lies between these and the outermost ones: they are of the return itself, whatever its value has.
const AT_START = new RegExp(`^\\s*\\{((?:${PAIR},)*)`)
const AT_END = new RegExp(`((?:,${PAIR})+)\\}\\s*$`)

const scalarsAtStart = (head: string): Partial<StoredReturn> => scalars(AT_START.exec(head)?.[1]?.slice(0, -1))
const scalarsAtEnd = (tail: string): Partial<StoredReturn> => scalars(AT_END.exec(tail)?.[1]?.slice(1))

function scalars(pairs = ''): Partial<StoredReturn> {
  try {
    return JSON.parse(`{${pairs}}`)
  } catch {
    // Others wrote it, and it is no JSON.
    return {}
  }
}
