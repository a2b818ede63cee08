// Queues as runner functions see and change them: in the name of who asked, and held to their roles. A call that is kept in a queue
// keeps who inserted it, and what they might then: it is run in their name and with those rights, whoever has it run.
import { ReactorError } from '../base/errors.ts'
import { redactSecrets } from '../base/redact.ts'
import { didYouMean } from '../base/suggest.ts'
import type { Fire } from '../bus/fire.ts'
import type { QueueChoice, Queues, TakeChoice } from '../functions/runner-context.ts'
import { matchesFunction } from '../operators/may.ts'
import { MOST_ITEMS, type QueuedRun } from '../protocol/queue.ts'
import { ALL_GRANTS, type Grants } from '../protocol/role.ts'
import { causedBy, type Trace } from '../protocol/trace.ts'
import { everyArgument } from '../protocol/trust.ts'
import type { QueueBackend } from '../queue/backend.ts'
import type { Backends } from '../queue/backends.ts'
import { checkQueue, entryOf, keyOf, listed, tracedEntry } from '../queue/entry.ts'
import { processQueue, tracedBy } from '../queue/process.ts'
import { holding, take } from '../queue/take.ts'
import type { Marks } from './reactions/marks.ts'
import type { FunctionCall, RunFunction } from './run-function.ts'

export interface QueueParts {
  open: Backends['open']
  /** Where calls are kept that name no queue. */
  runnerQueue: { queue: string; backend?: string | undefined }
  fire: Fire
  run: RunFunction
  marks: Pick<Marks, 'release'>
}

/** A call of a runner function as a queue keeps it. */
interface KeptCall {
  fun: string
  args: unknown[]
  kwargs: Record<string, unknown>
  user: string
  source?: string
  /** What who inserted it might do; absent: the program itself asked. */
  grants?: Grants | 'all'
  /** Some of its arguments came with an event. */
  untrusted?: true
  /** Milliseconds since the epoch. */
  at: number
}

/** Calls lie beside the items of their queue, where nobody can insert what looks like one. */
const CALLS = 'runner='
const callsOf = (queue: string): string => `${CALLS}${queue}`
const shownCall = (kept: unknown): unknown => {
  const { fun, args, kwargs } = kept as KeptCall
  return redactSecrets({ fun, args, kwargs })
}

export function runnerQueues(parts: QueueParts, call: FunctionCall & { jid: string }, known: () => string[]): Queues {
  const { user, source, grants, jid, untrusted } = call
  const trace = causedBy(jid, call)
  /** Of what this job does, as of the events that it fires. */
  const done = { ...trace, hops: trace.hops + 1 }
  const at = async (right: string, queue: string, backend: string | null | undefined): Promise<QueueBackend> => {
    const fun = `queue.${right}`
    if (grants && !matchesFunction(grants().runner, fun))
      throw new ReactorError(
        'forbidden',
        `'${user}' may not ${right} at queues: no role of theirs grants runner '${fun}'`,
      )
    checkQueue(queue)
    return parts.open(backend)
  }
  const atCalls = async (right: string, options: QueueChoice & { queue?: string | undefined } = {}) => {
    const queue = options.queue ?? parts.runnerQueue.queue
    return { queue, backend: await at(right, queue, options.backend ?? parts.runnerQueue.backend) }
  }
  const wanted = async (backend: QueueBackend, queue: string, quantity: number | 'all') => {
    if (quantity !== 'all') return quantity
    return boundedLength(queue, await backend.length(queue), 'give quantity, and call it again')
  }
  const placeOf = (queue: string, { runners = false }: TakeChoice) => (runners ? callsOf(queue) : queue)

  return {
    async insert(queue, items, { backend, delayMs = 0 } = {}) {
      const given = listed(items)
      const entries = given.map(item => tracedEntry(entryOf(item), done))
      const existing = await (await at('insert', queue, backend)).insert(queue, entries, delayMs)
      return given.filter((_, n) => existing.has(entries[n]!.key))
    },
    async delete(queue, items, { backend } = {}) {
      const keys = listed(items).map(keyOf)
      const queues = await at('delete', queue, backend)
      for (const place of [queue, callsOf(queue)]) await queues.delete(place, keys)
    },
    async list({ backend } = {}) {
      const names = await (await at('list_queues', 'any', backend)).queues()
      return [...new Set(names.map(name => (name.startsWith(CALLS) ? name.slice(CALLS.length) : name)))].sort()
    },
    async length(queue, { backend } = {}) {
      const queues = await at('list_length', queue, backend)
      return (await queues.length(queue)) + (await queues.length(callsOf(queue)))
    },
    async items(queue, { backend, limit } = {}) {
      const queues = await at('list_items', queue, backend)
      if (limit === undefined)
        boundedLength(queue, (await queues.length(queue)) + (await queues.length(callsOf(queue))), 'give limit')
      const most = limit ?? MOST_ITEMS
      const items = await queues.items(queue, most)
      const calls = items.length < most ? await queues.items(callsOf(queue), most - items.length) : []
      return [...items, ...calls.map(shownCall)]
    },
    async pop(queue, quantity, options = {}) {
      const queues = await at('pop', queue, options.backend)
      const place = placeOf(queue, options)
      const items = await take(queues, place, await wanted(queues, place, quantity), async () => undefined, {
        partly: true,
      })
      return options.runners ? items.map(shownCall) : items
    },
    async process(queue, quantity, options = {}) {
      const queues = await at('process_queue', queue, options.backend)
      const place = placeOf(queue, options)
      const shown = options.runners ? { shown: shownCall } : {}
      // The right to it is the right to have what anybody has inserted fired.
      return processQueue(
        queues,
        place,
        await wanted(queues, place, quantity),
        { fire: parts.fire, trace: done, as: queue, ...shown },
        { empty: true },
      )
    },
    async insertRunner({ fun, args, kwargs }, options) {
      const { queue, backend } = await atCalls('insert_runner', options)
      const names = known()
      if (!names.includes(fun))
        throw new ReactorError('unknown_function', `there is no runner function '${fun}'.${didYouMean(fun, names)}`)
      const may = grants?.()
      if (may && !matchesFunction(may.runner, fun))
        throw new ReactorError(
          'forbidden',
          `'${user}' may not have '${fun}' run: no role of theirs grants runner '${fun}'`,
        )
      const kept: KeptCall = {
        ...{ fun, args, kwargs, user },
        ...(source ? { source } : {}),
        ...(may ? { grants: may === ALL_GRANTS ? 'all' : may } : {}),
        ...(untrusted?.length ? { untrusted: true } : {}),
        at: Date.now(),
      }
      const entry = tracedEntry({ ...entryOf(kept), key: keyOf({ fun, args, kwargs }) }, done)
      return (await backend.insert(callsOf(queue), [entry])).size === 0
    },
    async processRunner(quantity, options) {
      const { queue, backend } = await atCalls('process_runner', options)
      const place = callsOf(queue)
      const count = await wanted(backend, place, quantity)
      const ran: QueuedRun[] = []
      while (ran.length < count) {
        const leases = await backend.lease(place, 1)
        const [lease] = leases
        if (!lease) break
        const { outcome, jid, fun, marks } = await holding(backend, place, leases, () =>
          runKept(parts.run, lease.item as KeptCall, lease.uid, tracedBy(trace, lease)),
        ).catch(async error => {
          await backend.nack(place, leases).catch(() => undefined)
          throw error
        })
        const gone = await backend.ack(place, leases)
        // It never comes again. Where another has it by now, the mark is what keeps that one from it.
        if (gone.length > 0) parts.marks.release(marks)
        ran.push({ fun, jid, success: outcome.ok, return: outcome.ok ? outcome.value : outcome.message })
      }
      return ran
    },
    async dead(queue, { backend } = {}) {
      const queues = await at('list_dead', queue, backend)
      const calls = await queues.dead(callsOf(queue), MOST_ITEMS)
      return [
        ...(await queues.dead(queue, MOST_ITEMS)),
        ...calls.map(({ item, tries }) => ({ item: shownCall(item), tries })),
      ]
    },
    async retryDead(queue, items, { backend } = {}) {
      const keys = items === undefined || items === null ? undefined : listed(items).map(keyOf)
      const queues = await at('retry_dead', queue, backend)
      return (await queues.revive(queue, keys)) + (await queues.revive(callsOf(queue), keys))
    },
  }
}

/**
 * As work of its own: taken up again after a crash it is not done twice, where that would do harm. `marks`: those that say so,
 * and that may go once it is removed from its queue.
 */
async function runKept(run: RunFunction, kept: KeptCall, uid: string, trace: Trace) {
  const { fun, args, kwargs, user, source, grants, untrusted, at } = kept
  const may = grants === 'all' ? ALL_GRANTS : grants
  const key = `queue/${uid}`
  try {
    const { outcome, jid, marked } = await run({
      ...{ fun, arg: args, kwarg: kwargs, user, ...trace },
      ...(source ? { source } : {}),
      ...(may ? { grants: () => may } : {}),
      ...(untrusted ? { untrusted: everyArgument(args, kwargs) } : {}),
      work: { key, causeMs: at },
    })
    if (!outcome.ok && outcome.code === 'stopped') throw new ReactorError('unreachable', outcome.message)
    return { fun, jid, outcome, marks: marked ? [key] : [] }
  } catch (error) {
    // Gone since it was inserted: it will not be there the next time either.
    if (!(error instanceof ReactorError) || error.code !== 'unknown_function') throw error
    const outcome = { ok: false as const, code: error.code, message: error.message }
    return { fun, jid: null, outcome, marks: [] }
  }
}

function boundedLength(queue: string, length: number, what: string): number {
  if (length <= MOST_ITEMS) return length
  throw new ReactorError(
    'bad_argument',
    `queue '${queue.replace(CALLS, '')}' has ${length} items, more than the ${MOST_ITEMS} that one call may have: ${what}`,
  )
}
