// Lanes: a queue for each rule, in memory, each with its own concurrency, so that a slow rule does not hold up another.

export interface Lanes<T> {
  /** `concurrency`: of the rule's lane from now on. */
  push(rule: string, item: T, concurrency: number): void
  /** Items that wait or run. */
  size(): number
  running(): number
  /** Takes no more items and resolves when those that run have ended; what waits is left to another worker. */
  stop(): Promise<void>
}

interface Lane<T> {
  /** Read from `head` on; an array that is shifted costs its length at each step. */
  waiting: T[]
  head: number
  running: number
  concurrency: number
}

/** `run` must not reject: it settles its item, or leaves it to be delivered again. */
export function createLanes<T>(run: (item: T) => Promise<void>): Lanes<T> {
  const lanes = new Map<string, Lane<T>>()
  let running = 0
  let stopped = false
  let idle: () => void = () => undefined

  const pump = (rule: string, lane: Lane<T>) => {
    while (!stopped && lane.running < lane.concurrency && lane.head < lane.waiting.length) {
      const item = lane.waiting[lane.head]!
      lane.head += 1
      lane.running += 1
      running += 1
      void run(item).finally(() => {
        lane.running -= 1
        running -= 1
        if (running === 0) idle()
        pump(rule, lane)
      })
    }
    if (lane.head === lane.waiting.length) {
      lane.waiting.length = 0
      lane.head = 0
      if (lane.running === 0) lanes.delete(rule)
    } else if (lane.head > 1024) {
      lane.waiting.splice(0, lane.head)
      lane.head = 0
    }
  }

  return {
    push(rule, item, concurrency) {
      if (stopped) return
      let lane = lanes.get(rule)
      if (!lane) {
        lane = { waiting: [], head: 0, running: 0, concurrency }
        lanes.set(rule, lane)
      }
      lane.concurrency = concurrency
      lane.waiting.push(item)
      pump(rule, lane)
    },
    size() {
      let size = 0
      for (const lane of lanes.values()) size += lane.running + lane.waiting.length - lane.head
      return size
    },
    running: () => running,
    async stop() {
      stopped = true
      if (running > 0)
        await new Promise<void>(resolve => {
          idle = resolve
        })
    },
  }
}
