// The one place that builds and reads subjects. Ids and tags are escaped here and nowhere else.
import { createHash } from 'node:crypto'
import { ReactorError } from '../base/errors.ts'
import { type Origin, originToken } from './origin.ts'
import { tagToTokens } from './tag.ts'
import { escapeId, escapeToken, unescapeId } from './token.ts'

/** Bytes; a longer subject makes the server close the connection, so it is refused where it is built. */
export const MAX_SUBJECT = 3000

export type LaneClass = 'fast' | 'slow'
export type MinionService = 'grains' | 'beat' | 'missed' | 'payload' | 'mine' | 'peer' | 'pillar' | 'file'

export type Subjects = ReturnType<typeof createSubjects>

/** The subjects of one namespace (`[a-z0-9_-]+`). Building one throws `bad_event` where it would be too long. */
export function createSubjects(ns: string) {
  if (!/^[a-z0-9_-]{1,40}$/.test(ns)) {
    throw new ReactorError('bad_config', `namespace '${ns}' must be 1 to 40 of a-z, 0-9, '_' and '-'`)
  }
  const eventPrefix = `${ns}.event.`
  const livePrefix = `${ns}.live.`
  return {
    ns,
    eventPrefix,
    livePrefix,
    event: (origin: Origin, tag: string) => bounded(`${eventPrefix}${originToken(origin)}.${tagToTokens(tag)}`),
    job: (minion: string) => bounded(`${ns}.job.${escapeId(minion)}`),
    /** What a minion publishes or requests under its own id. */
    ofMinion: (service: MinionService, minion: string) => bounded(`${ns}.${service}.${escapeId(minion)}`),
    anyMinion: (service: MinionService) => `${ns}.${service}.*`,
    /** The minion named by the last token of such a subject. */
    minionIn: (subject: string) => unescapeId(subject.slice(subject.lastIndexOf('.') + 1)),
    /** Where job workers ask for the files and pillars of the master; no minion has such an id. */
    files: `${ns}.file._jobs`,
    pillars: `${ns}.pillar._jobs`,
    publish: `${ns}.publish`,
    runner: (fun: string) => bounded(`${ns}.runner.${functionTokens(fun)}`),
    wheel: (fun: string) => bounded(`${ns}.wheel.${functionTokens(fun)}`),
    historyEvents: `${ns}.history.events`,
    historyJobs: `${ns}.history.jobs`,
    historyJob: `${ns}.history.job`,
    historyPayload: `${ns}.history.payload`,
    historyReactions: `${ns}.history.reactions`,
    historyRules: `${ns}.history.rules`,
    reaction: (lane: LaneClass, rule: string) => bounded(`${ns}.reaction.${lane}.${escapeToken(rule)}`),
    /** Where a retry waits; under its event and its rule, so that a new one takes the place of the old. */
    reactionRetry: (eventId: string, rule: string) =>
      bounded(`${ns}.reaction.retry.${escapeToken(rule)}.${escapeToken(eventId)}`),
    /** All retries of a rule, or of any. */
    reactionRetries: (rule?: string) =>
      bounded(`${ns}.reaction.retry.${rule === undefined ? '*' : escapeToken(rule)}.*`),
    /** A job worker asks all of them who has a piece of work in hand. */
    inHand: `${ns}.in_hand`,
    /** A job worker asks a reactor to decide anew on one event by one rule. */
    decide: `${ns}.decide`,
    /** A job worker asks the schedule worker that leads. */
    schedule: `${ns}.schedule`,
    jobRecord: (jid: string) => bounded(`${ns}.jobs.${escapeToken(jid)}`),
    /** That a piece of work was begun which may not be done twice: by its key alone, whenever its cause was stored. */
    startMark: (key: string) => `${ns}.jobs.work-${createHash('sha256').update(key).digest('base64url')}`,
    /** The mark that a minion was away when a job was sent; without a minion, those of all. */
    jobMissed: (jid: string, minion?: string) =>
      bounded(`${ns}.jobs.${escapeToken(jid)}.${minion === undefined ? '*' : escapeId(minion)}`),
    /** Every such mark of a minion. */
    allMissed: (minion: string) => bounded(`${ns}.jobs.*.${escapeId(minion)}`),
    done: (worker: string) => bounded(`${ns}.done.${escapeToken(worker)}`),
    parked: (eventId: string, rule: string) => bounded(`${ns}.parked.${escapeToken(eventId)}.${escapeToken(rule)}`),
    /** All that is parked of a rule, or of any. */
    allParked: (rule?: string) => bounded(`${ns}.parked.*.${rule === undefined ? '*' : escapeToken(rule)}`),
    /** An item of a queue by its key; without one, all of the queue. */
    queueItem: (state: 'ready' | 'dead', queue: string, key = '*') =>
      bounded(`${ns}.queue.${state}.${escapeToken(queue)}.${key === '*' ? key : escapeToken(key)}`),
    decisionPrefix: `${ns}.decision.`,
  }
}

function bounded(subject: string): string {
  if (subject.length <= MAX_SUBJECT) return subject
  throw new ReactorError(
    'bad_event',
    `subject '${subject.slice(0, 60)}…' has ${subject.length} bytes, at most ${MAX_SUBJECT} are allowed: shorten the tag, id or name in it`,
  )
}

function functionTokens(fun: string): string {
  const [module, name, ...rest] = fun.split('.')
  if (!module || !name || rest.length > 0) {
    throw new ReactorError('bad_argument', `'${fun}' is no function name: write module.function`)
  }
  return `${escapeToken(module)}.${escapeToken(name)}`
}

/** Splits `<prefix><origin>.<tag tokens>`; undefined when the subject is not of that form. */
export function splitEventSubject(prefix: string, subject: string): { origin: string; tag: string } | undefined {
  if (!subject.startsWith(prefix)) return undefined
  const dot = subject.indexOf('.', prefix.length)
  if (dot < 0) return undefined
  return { origin: subject.slice(prefix.length, dot), tag: subject.slice(dot + 1) }
}
