// The master's side of `<ns>.pillar.<minion>`: compiles the pillar of the minion that the subject names, for that minion alone.
// What targets, runners and events see of it has no secrets.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Log } from '../base/log.ts'
import { createQueues } from '../base/queues.ts'
import type { Running } from '../base/service.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { parseJson } from '../bus/request.ts'
import { serve } from '../bus/serve.ts'
import type { MinionEntry } from '../fleet/registry.ts'
import type { Subjects } from '../protocol/subject.ts'
import { escapeToken } from '../protocol/token.ts'
import type { PillarAsk, PillarCompiler } from './compile.ts'
import { type Problem, saidOf } from './problems.ts'
import { encodeAnswer, type PillarAnswer, readJobsRequest, readMinionRequest, type TopAnswer } from './protocol.ts'
import type { PillarSecrets } from './secrets.ts'

export interface PillarServiceParts {
  nc: NatsConnection
  subjects: Subjects
  compiler: PillarCompiler
  secrets: PillarSecrets
  /** `pillar_safe_render_error` */
  safe: boolean
  /** Minions as they sent their grains last, by escaped ids. */
  fleet: { readonly values: ReadonlyMap<string, MinionEntry> }
  /** Keeps what targets see of a minion's pillar. */
  keep(id: string, pillar: Record<string, unknown>): Promise<void>
  /** Hears of every compilation that a minion goes on with, also of one without problems. */
  tell(id: string, problems: readonly Problem[]): void
  log: Log
}

/** Requests of one minion at once; it has its pillar, and perhaps some state runs that want another. */
const OF_MINION = { atOnce: 2, mostWaiting: 30, what: 'requests for the pillar of this minion' }
const OF_JOBS = { atOnce: 16, mostWaiting: 1000, what: 'requests for pillars by job workers' }

/** Masters share the requests: each has the same files. */
export function servePillar(parts: PillarServiceParts): Promise<Running> {
  const { nc, subjects, compiler, secrets, fleet, log } = parts
  const minions = createQueues(OF_MINION)
  const jobs = createQueues(OF_JOBS)

  const forMinion = async (id: string, text: string): Promise<PillarAnswer> => {
    const { keep, ...ask } = readMinionRequest(parseJson(text))
    const { value, problems } = await compiler.compile({ ...defined(ask), grains: ask.grains, id })
    for (const { whole } of problems) log.error({ minion: id }, `Pillar render error: ${whole}`)
    if (keep && !ask.override) {
      parts.tell(id, problems)
      await parts.keep(id, secrets.hide(value))
    }
    const revealed = secrets.reveal(value)
    return {
      value: revealed.value as Record<string, unknown>,
      errors: saidOf(problems, parts.safe),
      secrets: revealed.secrets,
    }
  }
  const forJobs = async (text: string): Promise<PillarAnswer | TopAnswer> => {
    const { minion, show, grains, ...more } = readJobsRequest(parseJson(text))
    const known = fleet.values.get(escapeToken(minion))?.grains
    const ask: PillarAsk = { ...defined(more), id: minion, grains: grains ?? known ?? {} }
    if (show === 'top') {
      const { matches, problems } = await compiler.top(ask)
      return { matches, errors: saidOf(problems, false) }
    }
    const { value, problems } = await compiler.compile(ask)
    return { value: secrets.hide(value), errors: saidOf(problems, false), secrets: [] }
  }
  const answer = async (subject: string, text: string): Promise<Uint8Array> => {
    const limit = maxPayload(nc)
    if (subject === subjects.pillars) return encodeAnswer(await jobs.add('jobs', () => forJobs(text)), limit)
    const id = subjects.minionIn(subject)
    return encodeAnswer(await minions.add(id, () => forMinion(id, text)), limit)
  }
  return serve(nc, {
    name: `${subjects.ns}-pillar`,
    description: 'pillar of minions',
    queue: `${subjects.ns}-pillar`,
    endpoints: [
      {
        name: 'pillar',
        subject: subjects.anyMinion('pillar'),
        handle: message => answer(message.subject, message.string()),
      },
    ],
    log,
  })
}

/** Without the keys that were not given. */
function defined({ override, saltenv, pillarenv }: { [name in 'override' | 'saltenv' | 'pillarenv']?: unknown }) {
  const given = Object.entries({ override, saltenv, pillarenv }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Pick<PillarAsk, 'override' | 'saltenv' | 'pillarenv'>
}
