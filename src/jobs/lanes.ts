// Lanes: a queue for each rule, in memory, each with its own concurrency, so that a slow rule does not hold up another.
// The queues hold messages that the server counts as pending; while they wait, `working` tells it so.
import { ACK_WAIT_MS } from '../protocol/streams.ts'

export interface Lanes<T> {
  push(rule: string, item: T): void
  /** Items that wait or run. */
  size(): number
  /** Takes no more items and resolves when those that run have ended; what waits is left to another worker. */
  stop(): Promise<void>
}

interface Lane<T> {
  /** Read from `head` on; an array that is shifted costs its length at each step. */
  waiting: T[]
  head: number
  running: Set<T>
}

const WORKING_EVERY_MS = ACK_WAIT_MS / 3

/** `run` must not reject: it settles its item, or leaves it to be delivered again. */
export function createLanes<T>(options: {
  concurrency: number
  run(item: T): Promise<void>
  working(item: T): void
}): Lanes<T> {
  const lanes = new Map<string, Lane<T>>()
  const inFlight = new Set<Promise<void>>()
  let stopped = false

  const timer = setInterval(() => {
    for (const lane of lanes.values()) {
      for (const item of lane.running) options.working(item)
      // What waits is left to another worker once this one stops.
      if (stopped) continue
      for (let i = lane.head; i < lane.waiting.length; i++) options.working(lane.waiting[i]!)
    }
  }, WORKING_EVERY_MS)
  timer.unref()

  const pump = (rule: string, lane: Lane<T>) => {
    while (!stopped && lane.running.size < options.concurrency && lane.head < lane.waiting.length) {
      const item = lane.waiting[lane.head]!
      lane.head += 1
      lane.running.add(item)
      const work: Promise<void> = options.run(item).finally(() => {
        lane.running.delete(item)
        inFlight.delete(work)
        pump(rule, lane)
      })
      inFlight.add(work)
    }
    if (lane.head === lane.waiting.length) {
      lane.waiting.length = 0
      lane.head = 0
      if (lane.running.size === 0) lanes.delete(rule)
    } else if (lane.head > 1024) {
      lane.waiting.splice(0, lane.head)
      lane.head = 0
    }
  }

  return {
    push(rule, item) {
      if (stopped) return
      let lane = lanes.get(rule)
      if (!lane) {
        lane = { waiting: [], head: 0, running: new Set() }
        lanes.set(rule, lane)
      }
      lane.waiting.push(item)
      pump(rule, lane)
    },
    size() {
      let size = 0
      for (const lane of lanes.values()) size += lane.running.size + lane.waiting.length - lane.head
      return size
    },
    async stop() {
      stopped = true
      await Promise.allSettled(inFlight)
      clearInterval(timer)
    },
  }
}
