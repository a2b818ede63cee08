// Decides anew on one event by one rule as it is now, for a reaction that could not be rendered and that a person retries:
// a job worker asks on `<ns>.decide`, and is answered once the reaction is stored.
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { readBatch } from '../bus/read-batch.ts'
import { parseJson } from '../bus/request.ts'
import { requestInfo } from '../bus/requester.ts'
import { serve } from '../bus/serve.ts'
import { readEvent } from '../protocol/event.ts'
import type { SeenFacts } from '../protocol/failure.ts'
import { readOrigin } from '../protocol/origin.ts'
import type { ReactionEvent } from '../protocol/reaction.ts'
import { streamNames } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'
import { joinTrace } from '../protocol/trace.ts'
import type { CompiledBundle } from './compiled-bundle.ts'
import { factsOf, type GrainsOf, reactionEventOf, readFailure, sourcesOf } from './event-facts.ts'
import type { LookUp } from './facts/lookup.ts'
import type { HandOver } from './hand-over.ts'
import type { WindowFact } from './rules/facts.ts'
import { type Selection, selectionOf } from './select.ts'

export interface DecideParts {
  nc: NatsConnection
  subjects: Subjects
  handOver: HandOver
  grainsOf: GrainsOf
  lookUp: LookUp
  log: Log
}

/** The request's body. */
export interface DecideRequest {
  /** Of the event in EVENTS. */
  seq: number
  /** Its own: another may stand there, where the stream was made anew. */
  id: string
  rule: string
  /** The number that the reaction gets, from 1. */
  attempt: number
  /** Of a rule over many events: what the reaction is about, and what was collected. */
  window?: { event: ReactionEvent; seen: SeenFacts }
  /** Of who asked, where a rule did by a job of its. */
  hops?: number
  chain?: string
}

export interface Decide extends Running {
  use(bundle: CompiledBundle): void
}

/**
 * Answers `{stored: true}`; else `bad_argument`, `not_found` (the rule is not in force, the event is not kept any more),
 * `function_failed` (the rule does not want the event now), or `template`.
 */
export async function serveDecide(parts: DecideParts): Promise<Decide> {
  const { nc, subjects, log } = parts
  let selection: Selection | undefined
  const service = await serve(nc, {
    name: `${subjects.ns}-decide`,
    description: 'for job workers: decides anew on one event by one rule',
    queue: `${subjects.ns}-decide`,
    log,
    endpoints: [
      {
        name: 'decide',
        subject: subjects.decide,
        async handle(request) {
          if (requestInfo(request.headers))
            throw new ReactorError('forbidden', 'only a job worker may have an event decided anew')
          await decideAnew(parts, selection, readRequest(parseJson(request.string() || 'null')))
          return { stored: true }
        },
      },
    ],
  })
  return {
    use(bundle) {
      selection = selectionOf(bundle, 'single')
    },
    stop: () => service.stop(),
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1

function readRequest(value: unknown): DecideRequest {
  const { seq, id, rule, attempt, window, hops, chain } = isObject(value) ? value : {}
  const collected = isObject(window) && isObject(window.event) && isObject(window.seen) ? { window } : undefined
  if (
    (isCount(seq) || (collected && seq === 0)) &&
    typeof id === 'string' &&
    typeof rule === 'string' &&
    isCount(attempt)
  ) {
    const traced = isCount(hops) && typeof chain === 'string' ? { hops, chain } : {}
    return { seq, id, rule, attempt, ...collected, ...traced } as DecideRequest
  }
  throw new ReactorError(
    'bad_argument',
    `expected {seq, id, rule, attempt}, got ${JSON.stringify(value)?.slice(0, 80)}`,
  )
}

async function decideAnew(
  { nc, subjects, handOver, grainsOf, lookUp }: DecideParts,
  selection: Selection | undefined,
  { seq, id, rule: name, attempt, window, ...asker }: DecideRequest,
): Promise<void> {
  const entry = selection?.rules.get(name)
  if (!selection || !entry) throw new ReactorError('not_found', `rule '${name}' is not in force`)
  const { rule } = entry
  if (entry.off) throw refused(`rule '${name}' is off`)
  if (entry.shadow) throw refused(`rule '${name}' is in shadow mode and does nothing`)
  if (entry.kind === 'windowed') {
    if (!window) throw refused(`rule '${name}' looks at many events, and what it had collected is not kept`)
    const { event, seen } = window
    const content = {
      tag: seen.tag,
      data: seen.data,
      stamp: seen.stamp,
      origin: readOrigin(seen.origin),
      believed: true,
    }
    const known = { ...factsOf(content, grainsOf), window: seen.window as unknown as WindowFact }
    const facts = rule.lookups.length > 0 ? { ...known, ...(await lookUp(rule.lookups, known)) } : known
    const actions = rule.render(facts, sourcesOf(content))
    const reaction = { event: joinTrace(event, asker), actions, attempt }
    const told = entry.handed.policy?.on_failure ? { ...reaction, seen } : reaction
    return handOver.store(entry.handed, selection.bundle, told)
  }
  const raw = await storedEvent(nc, streamNames(subjects.ns).events, seq)
  const { eventPrefix } = subjects
  const read = readEvent(eventPrefix, raw)
  if (!read.ok) throw refused(`event ${seq} is malformed: ${read.problem}`)
  const { event } = read
  if (event.id !== id) throw new ReactorError('not_found', `event '${id.slice(0, 100)}' is not kept any more`)
  if (!event.believed) throw refused(`event ${seq} is not believed: its sender speaks of what is not its own`)
  const wants = selection.match(raw.subject, raw.subject.indexOf('.', eventPrefix.length) + 1).includes(entry)
  const failed = entry.ofFailure ? readFailure(event, grainsOf) : undefined
  const known = entry.ofFailure ? failed?.facts : factsOf(event, grainsOf)
  if (!wants || !known || !rule.mayHold(known)) throw refused(`the conditions of rule '${name}' do not hold any more`)
  const facts = rule.lookups.length > 0 ? { ...known, ...(await lookUp(rule.lookups, known)) } : known
  if (!rule.decide(facts)) throw refused(`the conditions of rule '${name}' do not hold any more`)
  const actions = rule.render(facts, failed?.sources ?? sourcesOf(event))
  const reaction = { event: joinTrace(reactionEventOf(event, event, raw), asker), actions }
  await handOver.store(entry.handed, selection.bundle, attempt === 1 ? reaction : { ...reaction, attempt })
}

const refused = (message: string) => new ReactorError('function_failed', message)

async function storedEvent(nc: NatsConnection, stream: string, seq: number) {
  // One message whatever its size: the bound in bytes counts from the second on.
  const [found] = await readBatch(nc, stream, { seq }, { messages: 1, bytes: 1024 })
  if (found?.seq === seq) return found
  throw new ReactorError('not_found', `event ${seq} is not kept any more`)
}
