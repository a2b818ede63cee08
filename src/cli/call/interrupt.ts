// Ctrl-C while a command waits: the first ends the waiting, the next ends the program.

interface Interrupt {
  readonly signal: AbortSignal
  release(): void
}

export function onInterrupt(signals: readonly NodeJS.Signals[] = ['SIGINT']): Interrupt {
  const interrupted = new AbortController()
  const abort = () => interrupted.abort()
  for (const signal of signals) process.once(signal, abort)
  return {
    signal: interrupted.signal,
    release() {
      for (const signal of signals) process.off(signal, abort)
    },
  }
}
