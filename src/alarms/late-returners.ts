// Says which returners have so much to get that EVENTS fills up with it, before any of that is removed.
import type { Alarms } from './alarms.ts'
import { FULL, NEAR, type Room } from './room.ts'

/** Takes the room as it is after trimming. */
export function createLateAlarms(alarms: Alarms): (room: Room) => void {
  const raised = new Set<string>()
  return ({ state, maxBytes, readers }) => {
    const used = maxBytes === undefined ? 0 : state.bytes / maxBytes
    const late = readers.filter(({ floor, returner }) => used > NEAR && returner && floor < state.first_seq)
    for (const { name, returner } of late) {
      raised.add(name)
      alarms.raise('returner_late', name, {
        message: `EVENTS is ${Math.floor(used * 100)} % full, and ${name} has yet to get ${returner!.unread} events of it; over ${FULL * 100} % the oldest are removed without it`,
        unread: returner!.unread,
        bytes: state.bytes,
        max_bytes: maxBytes,
      })
    }
    if (used > NEAR) return
    for (const name of raised) alarms.clear('returner_late', name)
    raised.clear()
  }
}
