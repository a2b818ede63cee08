// A minion makes itself known: after each connect its grains and `salt/minion/<id>/start`, and between them a heartbeat.
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { followLink } from '../bus/link.ts'
import { minionStart } from '../protocol/catalogue/minion.ts'
import { newEventId } from '../protocol/event.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { Grains, OwnGrains } from './own-grains.ts'
import type { Spool } from './spool.ts'
import { untilAnswered } from './until-answered.ts'

export interface AnnounceParts {
  nc: NatsConnection
  subjects: Subjects
  id: string
  grains: Pick<OwnGrains, 'send' | 'current'>
  /** Names of grains that the start event brings. */
  startGrains: readonly string[]
  spool: Spool
  beatMs: number
  log: Log
  /** Told when the link to the server goes down and comes back. */
  onLink(up: boolean): void
}

const BEAT_TIMEOUT_MS = 2000

/** Resolves once the grains are stored for the first time, so that the minion can be targeted. */
export async function announce(parts: AnnounceParts): Promise<Running> {
  const { nc, subjects, id, spool, log } = parts
  // That of this process: a gap between its heartbeats is one of the network.
  const session = newEventId()
  let stopped = false
  let beats = 0
  let asking = false
  /** Until a master has heard it, or the link was lost and is back. */
  const beat = async () => {
    const own = ++beats
    asking = true
    await untilAnswered({
      nc,
      ask: async () => void (await nc.request(subjects.ofMinion('beat', id), session, { timeout: BEAT_TIMEOUT_MS })),
      going: () => !stopped && own === beats,
      meanwhile: 'no master hears the heartbeat',
      log,
    })
    if (own === beats) asking = false
  }
  // One that is still not heard goes on, so that it is said once for as long as that lasts.
  const timer = setInterval(() => {
    if (!asking) void beat()
  }, parts.beatMs)

  const sayStart = async () => {
    void beat()
    await parts.grains.send(() => !stopped)
    const at = new Date().toUTCString()
    const data = {
      id,
      cmd: '_minion_event' as const,
      pretag: null,
      data: `Minion ${id} started at ${at}`,
      tag: minionStart.tag({ id }),
      ...(parts.startGrains.length > 0 ? { grains: chosen(parts.grains.current(), parts.startGrains) } : {}),
    }
    if (!stopped) await spool.fire(...minionStart.of({ id }, data), { keep: true })
  }

  const unfollow = followLink(nc, {
    down: () => parts.onLink(false),
    up() {
      parts.onLink(true)
      sayStart().catch(error => log.error({ error: errorMessage(error) }, 'this start could not be announced'))
    },
  })
  await sayStart()
  return {
    async stop() {
      stopped = true
      clearInterval(timer)
      unfollow()
    },
  }
}

const chosen = (grains: Grains, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.flatMap(name => (Object.hasOwn(grains, name) ? [[name, grains[name]]] : [])))
