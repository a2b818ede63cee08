// A minion makes itself known: after each connect its grains and `salt/minion/<id>/start`, and between them a heartbeat.
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { OwnGrains } from './own-grains.ts'
import type { Spool } from './spool.ts'

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

const RETRY_MS = 250
const BEAT_TIMEOUT_MS = 2000

/** Resolves once the grains are stored for the first time, so that the minion can be targeted. */
export async function announce(parts: AnnounceParts): Promise<Running> {
  const { nc, subjects, id, spool, log } = parts
  let stopped = false
  let beating = false
  /** Again and again until a master has heard it, or the next one is due: at a start together the master may come later. */
  const beat = async () => {
    if (beating) return
    beating = true
    for (let wait = RETRY_MS; !stopped && !nc.isClosed() && wait < parts.beatMs; wait *= 2) {
      try {
        await nc.request(subjects.ofMinion('beat', id), '', { timeout: BEAT_TIMEOUT_MS })
        break
      } catch (error) {
        log.debug({ reason: errorMessage(error) }, 'no master heard the heartbeat')
        await new Promise(resolve => setTimeout(resolve, wait).unref())
      }
    }
    beating = false
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

  void (async () => {
    for await (const status of nc.status()) {
      if (stopped) return
      if (status.type === 'disconnect') parts.onLink(false)
      if (status.type !== 'reconnect') continue
      parts.onLink(true)
      sayStart().catch(error => log.error({ error: errorMessage(error) }, 'this start could not be announced'))
    }
  })()
  await sayStart()
  return {
    async stop() {
      stopped = true
      clearInterval(timer)
    },
  }
}
