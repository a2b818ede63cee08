// A process that is there on every machine must be small: a third of what V8 takes by default is room for garbage.
import { setFlagsFromString } from 'node:v8'

/**
 * Keeps the space for young objects at its first size, and has old ones collected when they are a quarter more than the
 * last collection left. Call it before much has been loaded; it cannot shrink what has grown.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=25')
}

/** V8 goes on as it does by default, for a process that room for garbage makes faster once it has loaded what it needs. */
export function letHeapGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2')
  setFlagsFromString('--heap-growing-percent=0')
}
