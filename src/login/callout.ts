// The auth callout: the server asks about every login that its config does not name, and is answered here.
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import { createInHand } from '../base/in-hand.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { createTelling } from '../base/telling.ts'
import type { Signer } from '../bus/nkey.ts'
import { minionOfUser } from '../protocol/login.ts'
import { createBacklog } from './backlog.ts'
import { acceptance, type LoginRequest, readLoginRequest, refusal, type UserClaims } from './jwt.ts'
import type { MinionLogins } from './minion-login.ts'
import type { OperatorLogins } from './operator-login.ts'

const SUBJECT = '$SYS.REQ.USER.AUTH'
/**
 * All masters share one queue, of whatever namespace: the server has one callout and takes the first answer, so that a
 * second group would decide every login a second time.
 */
const QUEUE = 'callout'
/** Logins in hand at once. The server ends those beyond by its own time limit, and their clients come again. */
const MAX_IN_HAND = 4000
/**
 * A login that has waited for longer before it was read is passed over: the server gives it up soon, its client comes again,
 * and to work through what nobody waits for any more would make those late who come next, for ever.
 */
const MAX_WAITED_MS = 4000
/** All that a refused login is told, and that the server logs: why is for the master's log and the events. */
const REFUSED = 'refused'

export interface CalloutOptions {
  /** In AUTH. */
  nc: NatsConnection
  issuer: Signer
  /** Hears by name of each server that asks. */
  onServer?(name: string): void
  minions: MinionLogins
  operators: OperatorLogins
  log: Log
  maxInHand?: number
  maxWaitedMs?: number
}

export interface LoginCounts {
  accepted: number
  refused: number
}

/** Logins that were decided on since the start; strangers give no name of a minion. */
export interface Logins extends Running {
  stats(): { minion: LoginCounts; operator: LoginCounts }
}

export function startCallout(options: CalloutOptions): Logins {
  const {
    nc,
    issuer,
    minions,
    operators,
    onServer,
    log,
    maxInHand = MAX_IN_HAND,
    maxWaitedMs = MAX_WAITED_MS,
  } = options
  const backlog = createBacklog(nc)
  const inHand = createInHand(error => log.error({ error: errorMessage(error) }, 'a login could not be answered'))
  const warned = (tell: (count: number, first: string) => void) =>
    createTelling<string>((count, [first]) => tell(count, first!))
  const tooMany = warned(count =>
    log.warn({ count, in_hand: maxInHand }, 'more logins than may be in hand at once: some are not answered'),
  )
  const tooLate = warned(count =>
    log.warn({ count }, 'more logins came than this master can answer in time: some are passed over and come again'),
  )
  const malformed = warned((count, problem) =>
    log.warn({ count, problem }, 'the callout was asked with what is no authorization request; it is not answered'),
  )
  const undecided = warned((count, error) =>
    log.error({ count, error }, 'logins could not be decided on and are refused'),
  )
  const otherKind = warned((count, which) => log.warn({ count, which }, 'logins of others than clients are refused'))
  let handling = 0
  const counts = { minion: { accepted: 0, refused: 0 }, operator: { accepted: 0, refused: 0 } }

  const decide = async (request: LoginRequest): Promise<UserClaims | undefined> => {
    // Leaf nodes and MQTT speak for more than themselves, or in other ways than the permissions are made for.
    if (request.kind !== 'Client' || request.type === 'mqtt') {
      otherKind.add([`${request.kind}/${request.type} from ${request.host}`])
      return undefined
    }
    const id = request.user === undefined ? undefined : minionOfUser(request.user)
    return id === undefined ? operators(request) : minions(id, request)
  }

  const answer = async (message: Msg, request: LoginRequest): Promise<void> => {
    const user = await decide(request).catch((error: unknown) => void undecided.add([errorMessage(error)]))
    const isMinion = request.user !== undefined && minionOfUser(request.user) !== undefined
    counts[isMinion ? 'minion' : 'operator'][user ? 'accepted' : 'refused'] += 1
    message.respond(user ? acceptance(issuer, request, user) : refusal(issuer, request, REFUSED))
  }

  const subscription = nc.subscribe(SUBJECT, {
    queue: QUEUE,
    callback: (error, message) => {
      if (error) {
        log.error({ error: errorMessage(error) }, 'the server does not let this process answer logins')
        return
      }
      if (backlog.waitedMs() > maxWaitedMs) return tooLate.add([''])
      if (handling >= maxInHand) return tooMany.add([''])
      const request = readLoginRequest(message.string())
      if ('problem' in request) return malformed.add([request.problem])
      onServer?.(request.serverName)
      handling++
      inHand.add(answer(message, request).finally(() => handling--))
    },
  })
  return {
    stats: () => counts,
    async stop() {
      subscription.unsubscribe()
      await inHand.settle(STOP_WITHIN_MS)
      for (const telling of [tooMany, tooLate, malformed, undecided, otherKind]) telling.flush()
    },
  }
}

/** A password's check is the longest that a login takes when nothing is held. */
const STOP_WITHIN_MS = 3000
