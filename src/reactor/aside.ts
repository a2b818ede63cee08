// Work on events that takes time: a bounded number at once. Those in work and those that wait for it are said to be in work,
// so that the server does not hand them to another reactor meanwhile.
import type { Receipt } from '../bus/raw.ts'
import { ACK_WAIT_MS } from '../protocol/streams.ts'

export interface Aside {
  /** Settles as `work` does. */
  run<T>(receipt: Receipt, work: () => Promise<T>): Promise<T>
  /** In work and waiting. */
  pending(): number
}

const WORKING_EVERY_MS = ACK_WAIT_MS / 4

export function createAside(most: number): Aside {
  const waiting: (() => void)[] = []
  const held = new Set<Receipt>()
  let head = 0
  let running = 0
  let timer: NodeJS.Timeout | undefined

  const next = () => {
    while (running < most && head < waiting.length) {
      running += 1
      waiting[head++]!()
    }
    if (head < waiting.length) return
    waiting.length = 0
    head = 0
  }
  const hold = (receipt: Receipt) => {
    held.add(receipt)
    timer ??= setInterval(() => {
      for (const one of held) one.working()
    }, WORKING_EVERY_MS).unref()
  }
  const release = (receipt: Receipt) => {
    held.delete(receipt)
    if (held.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  return {
    async run(receipt, work) {
      hold(receipt)
      try {
        const turn = new Promise<void>(resolve => waiting.push(resolve))
        next()
        await turn
        return await work()
      } finally {
        running -= 1
        release(receipt)
        next()
      }
    },
    pending: () => held.size,
  }
}
