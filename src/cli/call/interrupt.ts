// Ctrl-C while a command waits: the first ends the waiting, the next ends the program.

interface Interrupt {
  readonly signal: AbortSignal
  release(): void
}

export function onInterrupt(): Interrupt {
  const interrupted = new AbortController()
  const abort = () => interrupted.abort()
  process.once('SIGINT', abort)
  return { signal: interrupted.signal, release: () => void process.off('SIGINT', abort) }
}
