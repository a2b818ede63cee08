// A minion makes itself known: after each connect its grains and `salt/minion/<id>/start`, and between them a heartbeat.
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { followLink } from '../bus/link.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { OwnGrains } from './own-grains.ts'
import type { Spool } from './spool.ts'
import { untilAnswered } from './until-answered.ts'

export interface AnnounceParts {
  nc: NatsConnection
  subjects: Subjects
  id: string
  grains: Pick<OwnGrains, 'send'>
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
  let stopped = false
  let beats = 0
  /** Until a master has heard it, or the next one is due. */
  const beat = async () => {
    const own = ++beats
    await untilAnswered({
      nc,
      ask: async () => void (await nc.request(subjects.ofMinion('beat', id), '', { timeout: BEAT_TIMEOUT_MS })),
      going: () => !stopped && own === beats,
      meanwhile: 'no master hears the heartbeat',
      log,
    })
  }
  const timer = setInterval(() => void beat(), parts.beatMs)

  const sayStart = async () => {
    void beat()
    await parts.grains.send(() => !stopped)
    const at = new Date().toUTCString()
    if (!stopped)
      await spool.fire(
        `salt/minion/${id}/start`,
        {
          id,
          cmd: '_minion_event',
          pretag: null,
          data: `Minion ${id} started at ${at}`,
          tag: `salt/minion/${id}/start`,
        },
        { keep: true },
      )
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
