// `all_of`: fires at the event with which there is one of each in the list, of one key and within the time, in any order or in
// that of the list. One event stands for one place. The key that gives way is the one that was silent longest: what was there
// of it is forgotten.
import { BYTES_KEPT } from './group.ts'
import { createKeyed, forget } from './keyed.ts'
import {
  type Bounds,
  type Caused,
  causedBy,
  type Fire,
  joined,
  type KeptEvent,
  kept,
  sizeOf,
  suppress,
  type Window,
  type WindowEvent,
  windowFact,
} from './window.ts'

interface Held {
  at: number
  bytes: number
  /** Places in the list that it can stand for. */
  steps: number[]
  event: KeptEvent
  caused?: Caused
}

interface Open {
  /** In the order in which they happened. */
  held: Held[]
  /** When the last of them was stored. */
  seen: number
}

/** Events held for one place of the list: of an order that does not complete there may be many. */
const HELD_FOR_STEP = 32

export interface AllOfOptions {
  /** Places in the list. */
  steps: number
  within: number
  inOrder: boolean
}

export function createAllOf({ steps, within, inOrder }: AllOfOptions, bounds: Bounds): Window {
  const { late } = bounds
  /** The one that was silent longest first. */
  const keys = createKeyed<Open>(bounds)
  const purge = (now: number) => forget(keys, ({ seen }) => seen + within + late < now)
  const complete = inOrder ? inTheirOrder : inAnyOrder

  return {
    event(event) {
      if (event.steps.length === 0) return []
      const { trigger, key, at, now } = event
      purge(now)
      const open = keys.get(key) ?? { held: [], seen: now }
      open.seen = now
      const added = hold(open, event)
      keys.delete(key)
      const found = complete(open.held, added, steps, within)
      if (found) return [fired(event, found)]
      trim(open, now - late - within, steps, inOrder)
      keys.put(
        key,
        open,
        open.held.reduce((sum, { bytes, caused }) => sum + bytes + (caused ? sizeOf(caused) : 0), 0),
      )
      return [suppress(trigger.event, 'window')]

      function fired({ trigger }: WindowEvent, chosen: Held[]): Fire {
        const times = chosen.map(one => one.at)
        const window = windowFact(
          key,
          chosen.length,
          Math.min(...times),
          Math.max(...times),
          chosen.map(one => one.event),
        )
        const event = chosen.reduce((event, { caused }) => (caused ? joined(event, caused) : event), trigger.event)
        return { do: 'fire', at, event, trigger, window, bytes: chosen.reduce((sum, one) => sum + one.bytes, 0) }
      }
    },
    due: () => [],
    next: () => undefined,
    keys: keys.size,
    dropped: keys.dropped,
    save: keys.save,
    restore: keys.restore,
  }
}

function hold({ held }: Open, { trigger, at, bytes, steps }: WindowEvent): Held {
  const caused = causedBy(trigger.event)
  const added: Held = { at, bytes, steps: [...steps], event: kept(trigger), ...(caused && { caused }) }
  let place = held.length
  while (place > 0 && held[place - 1]!.at > at) place--
  held.splice(place, 0, added)
  return added
}

/** One for each place, by the place; the last that fits is taken. Any that there is has `added` in it. */
function inTheirOrder(held: readonly Held[], _added: Held, steps: number, within: number): Held[] | undefined {
  for (let last = held.length - 1; last >= steps - 1; last--) {
    const chosen: Held[] = []
    for (let index = last, step = steps - 1; index >= 0 && step >= 0; index--) {
      // What begins with the last place is the one that is looked at.
      if (step === steps - 1 && index !== last) break
      if (!held[index]!.steps.includes(step)) continue
      chosen.unshift(held[index]!)
      step--
    }
    if (chosen.length === steps && chosen.at(-1)!.at - chosen[0]!.at <= within) return chosen
  }
  return undefined
}

function inAnyOrder(held: readonly Held[], added: Held, steps: number, within: number): Held[] | undefined {
  for (const { at: end } of held) {
    if (end < added.at || end - added.at > within) continue
    const near = held.filter(({ at }) => at <= end && end - at <= within).reverse()
    for (const step of added.steps) {
      const found = assign(near, added, step, steps)
      if (found) return found
    }
  }
  return undefined
}

/** A different event for each place, `added` for `fixed`, by augmenting paths; the latest are preferred. */
function assign(near: readonly Held[], added: Held, fixed: number, steps: number): Held[] | undefined {
  const stepOf = new Map<Held, number>([[added, fixed]])
  const place = (step: number, tried: Set<Held>): boolean => {
    for (const one of near) {
      if (one === added || tried.has(one) || !one.steps.includes(step)) continue
      tried.add(one)
      const taken = stepOf.get(one)
      if (taken !== undefined && !place(taken, tried)) continue
      stepOf.set(one, step)
      return true
    }
    return false
  }
  for (let step = 0; step < steps; step++) {
    if (step !== fixed && !place(step, new Set())) return undefined
  }
  const chosen: Held[] = []
  for (const [one, step] of stepOf) chosen[step] = one
  return chosen
}

/** Lets go of what is too old, and of what is too much. */
function trim(open: Open, tooOld: number, steps: number, inOrder: boolean): void {
  let old = 0
  while (old < open.held.length && open.held[old]!.at < tooOld) old++
  if (old > 0) open.held.splice(0, old)
  // In any order as many of a place as there are places are enough: the others stand for others.
  const most = inOrder ? Math.max(HELD_FOR_STEP, steps) : steps
  for (let step = 0; step < steps; step++) {
    const those = open.held.filter(one => one.steps.includes(step))
    if (those.length <= most) continue
    const gone = (inOrder && needless(open.held, those, step)) || those[0]!
    gone.steps = gone.steps.filter(other => other !== step)
  }
  open.held = open.held.filter(one => one.steps.length > 0)
  let bytes = open.held.reduce((sum, one) => sum + one.bytes, 0)
  while (bytes > BYTES_KEPT && open.held.length > steps) bytes -= open.held.shift()!.bytes
}

/** One before whose next of the same place none of the following place came: the next one does as well. */
function needless(held: readonly Held[], those: readonly Held[], step: number): Held | undefined {
  return those.find((one, index) => {
    const next = those[index + 1]
    return next && !held.slice(held.indexOf(one), held.indexOf(next)).some(({ steps }) => steps.includes(step + 1))
  })
}
