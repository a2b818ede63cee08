// Says on the minion's own bus that its link to the server is up, or lost, as Salt's minions say it there of their master.
import type { MinionBus } from '../functions/minion-bus.ts'
import { masterConnected, masterDisconnected } from '../protocol/catalogue/minion-bus.ts'

export interface LinkEventsParts {
  bus: MinionBus
  /** Host and port of the server that the minion is, or was last, connected to. */
  server(): string
}

export function createLinkEvents({ bus, server }: LinkEventsParts): (up: boolean) => void {
  let master = ''
  return up => {
    if (up) master = server()
    void bus.fire(...(up ? masterConnected : masterDisconnected).of({}, { master }))
  }
}
