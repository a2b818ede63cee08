// What `loop` is inside of a loop.
import type { Context } from './callable.ts'
import { CALL, type Dict, equal, failure, type Method, type Value } from './values.ts'

/** One run through a list. */
export interface LoopState {
  items: Value[]
  /** How many recursive loops it is in, itself among them. */
  depth: number
  /** Of a recursive loop: runs its body for other items, and gives what that writes. */
  again?: (items: Value) => string
  /** What `loop.changed()` was given last. */
  seen?: Value[]
}

export function loopValue(state: LoopState, index: number, c: Context): Dict {
  const { items, depth, again } = state
  const loop: Dict = {
    index: index + 1,
    index0: index,
    revindex: items.length - index,
    revindex0: items.length - index - 1,
    first: index === 0,
    last: index === items.length - 1,
    length: items.length,
    depth,
    depth0: depth - 1,
    previtem: index === 0 ? c.missing('loop.previtem') : items[index - 1],
    nextitem: index === items.length - 1 ? c.missing('loop.nextitem') : items[index + 1],
    cycle: (args => (args.length > 0 ? args[index % args.length] : c.missing('loop.cycle()'))) satisfies Method,
    changed: (args => {
      const same = state.seen?.length === args.length && state.seen.every((one, i) => equal(one, args[i], c.budget))
      state.seen = args
      return !same
    }) satisfies Method,
  }
  if (!again) return loop
  const call: Method = ([children, ...more]) => {
    if (children === undefined || more.length > 0) throw failure('loop() takes one list')
    return again(children)
  }
  return Object.assign(loop, { [CALL]: call })
}
