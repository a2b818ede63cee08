// What stored events say about jobs, one fact an event. Pure. Services tell of jobs, a minion of itself; a return that
// cannot be read becomes a failed return that says what was wrong with it, so that no answer is lost.
import { isObject } from '../base/json.ts'
import { redactSecrets } from '../base/redact.ts'
import { cut } from '../base/text.ts'
import { type EventContent, type RawEvent, readContent, readEnvelope } from '../protocol/event.ts'
import { isCalendarJid } from '../protocol/jid.ts'
import type { JobKind, PayloadRef, Sending } from '../protocol/job.ts'
import { CUT_SHORT, type CutShort, isCutShort } from '../protocol/lifecycle.ts'
import { parseOrigin } from '../protocol/origin.ts'
import { payloadProblem } from '../protocol/payload.ts'
import { type Returning, readShownReturning } from '../protocol/returning.ts'
import { unescapeId } from '../protocol/token.ts'

interface OfJob {
  jid: string
  /** Milliseconds since the epoch, with their fraction, at which its event was stored. */
  at: number
}
/** A job was announced; with the returners that it was sent with. */
export interface NewFact extends OfJob, Returning {
  what: 'new'
  kind: JobKind
  fun: string
  arg: unknown[]
  tgt: string | string[]
  tgt_type: string
  user: string
  cause?: string
  metadata?: Record<string, unknown>
  minions: string[]
  missing: string[]
  deadline: number
  run_until: number
}
/** The job worker is through with sending it. */
export interface SentFact extends OfJob {
  what: 'sent'
  sent: Sending
}
export interface StartedFact extends OfJob {
  what: 'started'
  id: string
}
export interface ReturnFact extends OfJob {
  what: 'return'
  id: string
  fun: string
  args: unknown[]
  return: unknown
  retcode: number
  success: boolean
  outcome?: CutShort
  payload?: PayloadRef
  /** Of a run of the minion's own schedule: its entry. */
  schedule?: string
  /** Of what a minion ran by itself. */
  metadata?: Record<string, unknown>
}
export type Fact = NewFact | SentFact | StartedFact | ReturnFact

/** Times of a job whose announcement names none, milliseconds after it. */
export interface JobTimeouts {
  jobTimeoutMs: number
  runTimeoutMs: number
}

/** No fact: the minion asks that its return is not kept. */
export type ReadFact = { ok: true; fact: Fact | undefined } | { ok: false; problem: string }

/** In place of a minion, of a runner or wheel function. */
const RUNS_IT = { runner: '_jobs', wheel: '_master' } as const
const KIND_OF = { run: 'runner', wheel: 'wheel' } as const

/**
 * Says of a subject whether its event can be a fact about a job: a look at its tokens, so that all other events cost no
 * more than that.
 */
export function createJobSubject(eventPrefix: string): (subject: string) => boolean {
  const from = eventPrefix.length
  const form = /^salt\.(?:job\.[^.]+\.(?:new|sent|ret\.[^.]+|prog\.[^.]+\.start)|(?:run|wheel)\.[^.]+\.(?:new|ret))$/
  return subject => {
    const tag = subject.indexOf('.', from) + 1
    if (tag === 0 || !subject.startsWith('salt.', tag)) return false
    return form.test(subject.slice(tag))
  }
}

/** Reads the event of such a subject. What it refuses is no fact: the problem says why. */
export function createFactReader(eventPrefix: string, timeouts: JobTimeouts): (raw: RawEvent) => ReadFact {
  return raw => {
    const tokens = raw.subject.slice(eventPrefix.length).split('.')
    try {
      return read(tokens, raw)
    } catch (error) {
      return { ok: false, problem: error instanceof Error ? error.message : String(error) }
    }
  }

  function read(tokens: string[], raw: RawEvent): ReadFact {
    const [originToken = '', , branch = '', jid = '', what = '', idToken = ''] = tokens
    const problem = (text: string): ReadFact => ({ ok: false, problem: `'${raw.subject.slice(0, 200)}': ${text}` })
    // Who lists jobs can ask for each of them by its jid.
    if (!isCalendarJid(jid)) return problem('a jid has 20 digits that begin with a time')
    const origin = parseOrigin(originToken)
    const job = { jid, at: raw.storedMs }
    if (what === 'ret' && branch === 'job') {
      const id = unescapeId(idToken)
      if (origin.kind !== 'minion' || origin.id !== id)
        return problem('only the minion itself is believed on its return')
      if (id.includes('\0')) return problem('the id has a NUL')
      const content = readContent(eventPrefix, raw)
      if (content.ok && isNotKept(content.content.data)) return { ok: true, fact: undefined }
      return {
        ok: true,
        fact: { ...readReturn({ ...job, id }, content), ...(content.ok ? ownOf(content.content) : {}) },
      }
    }
    const content = readContent(eventPrefix, raw)
    if (!content.ok) return { ok: false, problem: content.problem }
    const { data } = content.content
    if (what === 'prog') {
      const id = unescapeId(idToken)
      if (origin.kind !== 'minion' || origin.id !== id)
        return problem('only the minion itself is believed on its start')
      if (id.includes('\0')) return problem('the id has a NUL')
      return { ok: true, fact: { what: 'started', ...job, id } }
    }
    if (origin.kind !== 'service') return problem('only services are believed on it')
    if (data.jid !== jid) return problem(`its data is of the jid ${JSON.stringify(data.jid)}`)
    if (branch === 'job' && what === 'sent') return { ok: true, fact: { what: 'sent', ...job, sent: readSent(data) } }
    if (branch === 'job') return { ok: true, fact: readNew(job, data, 'local', readEnvelope(raw).cause) }
    const kind = KIND_OF[branch as keyof typeof KIND_OF]
    if (what === 'new') return { ok: true, fact: readNew(job, data, kind, readEnvelope(raw).cause) }
    return { ok: true, fact: readReturn({ ...job, id: RUNS_IT[kind] }, content) }
  }

  function readNew(job: OfJob, data: Record<string, unknown>, kind: JobKind, cause: string | undefined): NewFact {
    const runsIt = kind === 'local' ? undefined : RUNS_IT[kind]
    const deadline = milliseconds(data.deadline) ?? job.at + timeouts.jobTimeoutMs
    return {
      what: 'new',
      ...job,
      kind,
      fun: shortened(text(data.fun)),
      arg: list(runsIt ? data.fun_args : data.arg),
      tgt: runsIt ?? (Array.isArray(data.tgt) ? texts(data.tgt) : text(data.tgt)),
      tgt_type: runsIt ? 'list' : text(data.tgt_type) || 'glob',
      user: text(data.user),
      minions: runsIt ? [runsIt] : texts(data.minions),
      missing: texts(data.missing),
      deadline,
      run_until: milliseconds(data.run_until) ?? deadline + timeouts.runTimeoutMs,
      ...(cause ? { cause } : {}),
      ...(isObject(data.metadata) ? { metadata: data.metadata } : {}),
      ...readShownReturning(data),
    }
  }
}

/** The return of the minion, or of the function, `id`. */
function readReturn(
  of: OfJob & { id: string },
  read: { ok: true; content: EventContent } | { ok: false; problem: string },
): ReturnFact {
  const data = read.ok ? read.content.data : {}
  const wrong = read.ok ? returnProblem(of.jid, data) : read.problem
  const fun = shortened(text(data.fun))
  const args = argsOf(data)
  if (wrong) {
    const message = `The return of ${of.id} cannot be read: ${wrong}`
    return { what: 'return', ...of, fun, args, return: message, retcode: 1, success: false }
  }
  const success = data.success === undefined ? Number(data.retcode ?? 0) === 0 : data.success === true
  return {
    what: 'return',
    ...of,
    fun,
    args,
    return: data.payload === undefined ? data.return : null,
    retcode: Number(data.retcode ?? (success ? 0 : 1)),
    success,
    ...(isCutShort(data.outcome) ? { outcome: data.outcome } : {}),
    ...(data.payload === undefined ? {} : { payload: data.payload as PayloadRef }),
  }
}

/** `return_job: nocache` of a schedule. */
const isNotKept = ({ nocache, schedule }: Record<string, unknown>): boolean =>
  nocache === true && typeof schedule === 'string'

/** What a minion tells of what it ran by itself. */
function ownOf({ data: { schedule, metadata } }: EventContent): Pick<ReturnFact, 'schedule' | 'metadata'> {
  if (typeof schedule !== 'string') return {}
  const isKept = isObject(metadata) && JSON.stringify(metadata).length <= MOST_ARGS
  return {
    schedule: shortened(text(schedule)),
    ...(isKept ? { metadata: redactSecrets(metadata) as Record<string, unknown> } : {}),
  }
}

/** What is wrong with the data of a return; undefined: nothing is. */
function returnProblem(jid: string, data: Record<string, unknown>): string | undefined {
  const { retcode, success, outcome, payload } = data
  if (data.jid !== jid) return `it says jid ${shown(data.jid)}, and its tag ${jid}`
  if (payload !== undefined) return payloadProblem(payload)
  if (!('return' in data)) return "it has no 'return'"
  if (retcode !== undefined && !Number.isSafeInteger(retcode))
    return `its 'retcode' must be a whole number, got ${shown(retcode)}`
  if (success !== undefined && typeof success !== 'boolean')
    return `its 'success' must be true or false, got ${shown(success)}`
  if (outcome !== undefined && !isCutShort(outcome))
    return `its 'outcome' must be ${CUT_SHORT.map(one => `'${one}'`).join(' or ')}, got ${shown(outcome)}`
  return undefined
}

function readSent(data: Record<string, unknown>): Sending {
  const refused = isObject(data.refused) ? data.refused : {}
  return {
    offline: texts(data.offline),
    refused: Object.fromEntries(Object.entries(refused).map(([id, reason]) => [id, text(reason)])),
    waiting: texts(data.waiting),
  }
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 80)
// SQLite cuts a text at a NUL.
const text = (value: unknown): string => (typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : '')
/** Lists of jobs show the function, and searches match it. */
const MOST_FUN = 250
const shortened = (fun: string): string => cut(fun, MOST_FUN)
/** Lists show the arguments too: of what a minion ran by itself, those that it tells. */
const MOST_ARGS = 64 * 1024
const argsOf = (data: Record<string, unknown>): unknown[] => {
  const args = redactSecrets(list(data.fun_args)) as unknown[]
  const size = JSON.stringify(args).length
  return size <= MOST_ARGS ? args : [{ _left_out: `arguments of ${size} characters` }]
}
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const texts = (value: unknown): string[] => list(value).filter(item => typeof item === 'string')
const milliseconds = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
