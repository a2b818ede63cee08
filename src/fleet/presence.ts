// Which minions are connected: those whose heartbeat is fresh. Pure; the master feeds it from `<ns>.beat.*`.

export interface Presence {
  beat(id: string, nowMs: number): void
  /** Sorted ids heard from within the limit; those silent for longer are forgotten. */
  connected(nowMs: number): string[]
}

export function createPresence(lostAfterMs: number): Presence {
  const lastBeat = new Map<string, number>()
  return {
    beat: (id, nowMs) => void lastBeat.set(id, nowMs),
    connected(nowMs) {
      for (const [id, at] of lastBeat) if (nowMs - at > lostAfterMs) lastBeat.delete(id)
      return [...lastBeat.keys()].sort()
    },
  }
}
