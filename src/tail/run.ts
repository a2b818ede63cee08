// The tail itself: follows events and decisions, keeps what is asked for and writes it. `reactor tail` and `reactor up` run it.
import { AuthorizationError, type Subscription } from '@nats-io/transport-node'
import { type Clock, systemClock } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Running } from '../base/service.ts'
import type { Bus } from '../bus/connect.ts'
import { isRepublished } from '../bus/raw.ts'
import { grantSubject } from '../protocol/grant-subject.ts'
import { isExclusion } from '../reactor/rules/glob.ts'
import { readDecisions } from './decision.ts'
import { createTagFilter, isAllowedAudit } from './filter.ts'
import { createOutput, type OutputOptions } from './output.ts'
import { followEvents, type Source } from './source.ts'
import { createThread, type Thread } from './thread.ts'
import { parseWhere } from './where.ts'

export interface TailOptions extends OutputOptions {
  /** Globs as in rules; none means every tag. */
  globs?: readonly string[]
  /** Conditions that must all hold. */
  where?: readonly string[]
  /** How far to go back, milliseconds. */
  sinceMs?: number
  /** End after this many events. */
  count?: number
  /** Show decisions; by default with lines for people, and not with `json` or `func`. */
  reactions?: boolean
}

export interface TailParts {
  client: { readonly bus: Bus }
  options: TailOptions
  /** Takes one line, or several, without the last line end. */
  write(text: string): void
  /** Takes a sentence for the person, without a line end; default: stderr. */
  notice?(line: string): void
  clock?: Clock
}

export interface Tail extends Running {
  /** Resolves after `count` events or `stop`; rejects with `forbidden` or `unreachable` when following ends. */
  readonly done: Promise<void>
}

/** Starts it; events are followed once it resolves. Throws `usage`, and what history answers to `sinceMs`. */
export async function startTail({
  client,
  options,
  write,
  notice = toStderr,
  clock = systemClock,
}: TailParts): Promise<Tail> {
  const { nc, subjects } = client.bus
  const globs = options.globs ?? []
  const filter = createTagFilter(globs)
  const where = parseWhere(options.where ?? [], notice)
  // To people they say again what the job's own events say; who wants them names them.
  const hidesAllowed = !options.json && globs.every(isExclusion)
  const output = createOutput({ options, write, notice, clock })
  const wantsReactions = options.reactions ?? (!options.json && options.func === undefined)
  let resolve: () => void = () => undefined
  let reject: (error: ReactorError) => void = () => undefined
  const done = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  // Without a listener a failure before the caller awaits `done` would end the process.
  done.catch(() => undefined)
  const thread = createThread({
    wouldShow: ({ tag }) => !options.where?.length && (tag === undefined ? globs.length === 0 : filter.tag(tag)),
    show: threaded => output.decision(threaded),
  })
  let source: Source | undefined
  let decisions: Subscription | undefined
  let stopped = false
  let left = options.count ?? Number.POSITIVE_INFINITY

  const end = (error?: ReactorError) => {
    if (stopped) return
    stopped = true
    source?.stop()
    if (!nc.isClosed()) decisions?.unsubscribe()
    if (error) reject(error)
    else resolve()
  }

  let reactionsRefused = false
  if (wantsReactions)
    decisions = followDecisions(client.bus, thread, {
      notice,
      isStopped: () => stopped,
      fail(error) {
        if (options.reactions) end(error)
        reactionsRefused = true
      },
    })
  watchLink(client.bus, {
    notice,
    isStopped: () => stopped,
    lost: () => source?.linkLost(),
    back: () => source?.linkBack(),
    fail: end,
  })
  try {
    source = await followEvents({
      nc,
      subjects,
      narrow: narrowed(globs),
      since: options.sinceMs === undefined ? undefined : clock.now() - options.sinceMs,
      wants: (subject, from) => filter.subject(subject, from),
      onEvent(event, past) {
        if (stopped || !filter.tag(event.tag) || !where(event)) return
        if ((hidesAllowed && isAllowedAudit(event)) || !output.event(event, past)) return
        thread.eventShown(event.id, event.tag)
        if (--left <= 0) end()
      },
      onMalformed(problem, storedMs) {
        if (!stopped && !options.where?.length && options.func === undefined) output.malformed(problem, storedMs)
      },
      onPassed: seq => thread.passed(seq),
      notice,
      onFailure: end,
      clock,
    })
  } catch (error) {
    end()
    throw error
  }
  if (stopped) source.stop()
  else if (reactionsRefused) notice('reactions are not shown: your roles do not let you read every event')
  return {
    done,
    async stop() {
      end()
    },
  }
}

interface Watch {
  notice(line: string): void
  isStopped(): boolean
  fail(error: ReactorError): void
}

function followDecisions({ nc, subjects }: Bus, thread: Thread, watch: Watch): Subscription {
  return nc.subscribe(`${subjects.decisionPrefix}>`, {
    callback: (error, message) => {
      if (watch.isStopped()) return
      if (error)
        return watch.fail(
          new ReactorError(
            'forbidden',
            "reactions cannot be followed: your roles do not let you read every event ('**' in '@events' of a role)",
          ),
        )
      if (!isRepublished(message)) return
      try {
        for (const seen of readDecisions(subjects.decisionPrefix, message.subject, message.string()))
          thread.decision(seen)
      } catch (problem) {
        watch.notice(errorMessage(problem))
      }
    },
  })
}

/** Says once that the link is lost, and once that it is back. */
function watchLink({ nc }: Bus, watch: Watch & { lost(): void; back(): void }): void {
  void (async () => {
    let up = true
    for await (const status of nc.status()) {
      if (watch.isStopped()) return
      if (status.type === 'disconnect' && up) {
        up = false
        watch.notice('the link to the NATS server is lost; waiting for it')
        watch.lost()
      } else if (status.type === 'reconnect' && !up) {
        up = true
        watch.notice('the link to the NATS server is back')
        watch.back()
      }
    }
  })()
  void nc.closed().then(error => {
    if (!watch.isStopped())
      watch.fail(
        new ReactorError(
          error instanceof AuthorizationError ? 'forbidden' : 'unreachable',
          `the connection to the NATS server has ended${error ? `: ${errorMessage(error)}` : ''}`,
        ),
      )
  })
}

/** What a server can select by, where the globs say no more than that. */
function narrowed(globs: readonly string[]): string[] | undefined {
  const wanted = globs.filter(glob => !isExclusion(glob))
  try {
    return wanted.length === 0 ? undefined : [...new Set(wanted.flatMap(grantSubject))]
  } catch {
    return undefined
  }
}

export const toStderr = (line: string) => void process.stderr.write(`reactor: ${line}\n`)
