// How much waits on disk for returners, all together: it is bounded, and said before the bound is reached.

export interface ReturnerRoom {
  /** Bytes that wait. */
  readonly bytes: number
  /** False: there is no room for it. What takes the place of another always has room. */
  take(key: string, bytes: number): boolean
  /** What is on disk from before is there, room or not. */
  hold(key: string, bytes: number): void
  has(key: string): boolean
  free(key: string): void
}

/** From this share on it is said that it fills up; below the other one that is said anew. */
const FILLING = 0.8
const EASED = 0.5

/** `tell` hears of each state once, until much has gone again. */
export function createReturnerRoom(most: number, tell: (state: 'filling' | 'full') => void): ReturnerRoom {
  const sizes = new Map<string, number>()
  const told = new Set<'filling' | 'full'>()
  let used = 0

  const tellOnce = (state: 'filling' | 'full') => {
    if (told.has(state)) return
    told.add(state)
    tell(state)
  }
  const hold = (key: string, bytes: number) => {
    used += bytes - (sizes.get(key) ?? 0)
    sizes.set(key, bytes)
    if (used >= most * FILLING) tellOnce('filling')
  }
  return {
    get bytes() {
      return used
    },
    take(key, bytes) {
      if (!sizes.has(key) && used + bytes > most) {
        tellOnce('full')
        return false
      }
      hold(key, bytes)
      return true
    },
    hold,
    has: key => sizes.has(key),
    free(key) {
      used -= sizes.get(key) ?? 0
      sizes.delete(key)
      if (used < most * EASED) told.clear()
    },
  }
}
