// The lifecycle contract of everything that runs: `start` returns a handle once the service is ready for work;
// `stop` finishes what is in hand, may be called twice, and never throws.
import { errorMessage } from './errors.ts'

export interface Running {
  stop(): Promise<void>
}

/**
 * Stops the parts in the reverse of the order in which they were added; one that fails does not keep the others,
 * and `tell` hears of it.
 */
export function createStack(
  tell: (problem: string) => void = problem => process.emitWarning(problem),
): Running & { add<T extends Running>(part: T): T; defer(stop: () => unknown): void } {
  const parts: Running[] = []
  let stopping: Promise<void> | undefined
  const stopAll = async () => {
    for (const part of parts.reverse()) {
      try {
        await part.stop()
      } catch (error) {
        tell(`a part of the process could not be stopped: ${errorMessage(error)}`)
      }
    }
  }
  return {
    add(part) {
      parts.push(part)
      return part
    },
    defer(stop) {
      parts.push({ stop: async () => void (await stop()) })
    },
    stop() {
      stopping ??= stopAll()
      return stopping
    },
  }
}
