// The minion's own bus: what happens on one machine, heard by who listens on that machine. Everything that a minion sends to its
// master passes over it on the way; `event.fire` leaves it there.

export interface LocalEvent {
  tag: string
  data: Record<string, unknown>
  /** As of every event. */
  _stamp: string
  /** Of one that goes to the master: the id under which it is stored there. */
  id: string
  /** It stays on the machine. What it says under `salt/` nothing vouches for: any program of the minion's user may fire it. */
  local?: true
}

export interface MinionBus {
  /**
   * Whoever listens hears it; it does not leave the machine and is kept nowhere. Throws `bad_event` on data that is no JSON, and
   * `unreachable` in a process beside the minion where no minion runs.
   */
  fire(tag: string, data: Record<string, unknown>): Promise<void>
}

/** Inside the minion's own process. */
export interface HeardMinionBus extends MinionBus {
  /** Gives those who listen an event that the minion sends to its master. Throws `bad_event`. */
  pass(tag: string, data: Record<string, unknown>, as: { id: string; stamp: string }): void
  /** Until the returned function is called. A listener that throws is logged. */
  follow(listener: (event: LocalEvent) => void): () => void
}
