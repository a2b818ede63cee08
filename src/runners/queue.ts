// Runner `queue`: queues of items, with the functions, arguments and returns of Salt's runner of that name.
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'
import { cut } from '../base/text.ts'
import { runner } from '../functions/define.ts'
import { fixed, functionName } from '../functions/guards.ts'
import { MOST_ITEMS, QUEUE_BACKENDS, QUEUE_NAME_RULE } from '../protocol/queue.ts'

const queue = z.string().describe(`the name of the queue, ${QUEUE_NAME_RULE}`)
const items = z.unknown().refine(value => value !== undefined && value !== null, 'needs an item, or a list of them')
const backend = z
  .string()
  .nullish()
  .describe(`${QUEUE_BACKENDS.join(', ')}; default: queue.backend of the config`)
const is_runner = z.boolean().default(false).describe('calls that insert_runner kept, and not items')
const runnerQueue = z.string().nullish().describe('the queue; default: runner_queue.queue of the config')
const quantity = z
  .union([z.int().min(0).max(MOST_ITEMS), z.literal('all')], {
    error: `Quantity must be an integer or "all": 0 to ${MOST_ITEMS}, or all`,
  })
  .default(1)
  .describe('how many at most, or all')

const queueName = fixed('the name of a queue')
const guards = { queue: queueName, backend: fixed('a store of queues') }
const several = { ...guards, quantity: fixed('how many items are taken') }

export const insert = runner({
  doc: `Adds an item to a queue, or several in a list. An item is a text, a number, true, false or a map, and is in a queue once.
    Returns true; where some were in the queue already, a text that says which: the others are inserted. (Salt inserts none of a
    list then.) A list of ${MOST_ITEMS} at most.
    Example: reactor run queue.insert myqueue '["item2", "item3"]'`,
  args: {
    queue,
    items: items.describe('an item, or a list of items'),
    backend,
    delay: z
      .union([z.string(), z.number()])
      .optional()
      .describe('so long they are not given out, such as 30s or 5m. Beyond Salt'),
  },
  guards,
  idempotent: true,
  async run({ queue, items, backend, delay }, { queues }) {
    const delayMs = delay === undefined ? 0 : parseDuration(delay)
    const existing = await queues.insert(queue, items, { backend, delayMs })
    if (existing.length === 0) return true
    const names = existing.slice(0, NAMED).map(item => `'${cut(textOf(item), 80)}'`)
    const more = existing.length > NAMED ? ` and ${existing.length - NAMED} more` : ''
    if (!Array.isArray(items)) return `Item already exists in this queue: ${names[0]}`
    const others = items.length - existing.length
    const rest = others > 0 ? `; the other ${others} ${others === 1 ? 'was' : 'were'} inserted` : ''
    return `One or more items already exist in this queue: ${names.join(', ')}${more}${rest}`
  },
})

const delete_ = runner({
  doc: `Removes an item from a queue, or several in a list, whether they wait, are given out, or are dead. True also for those that
    are not there.
    Example: reactor run queue.delete myqueue item1`,
  args: { queue, items: items.describe('an item, or a list of items'), backend },
  guards,
  idempotent: true,
  async run({ queue, items, backend }, { queues }) {
    await queues.delete(queue, items, { backend })
    return true
  },
})

export { delete_ as delete }

export const list_queues = runner({
  doc: `Lists the queues that something was ever inserted into.
    Example: reactor run queue.list_queues backend=sqlite`,
  args: { backend },
  idempotent: true,
  run: ({ backend }, { queues }) => queues.list({ backend }),
})

export const list_length = runner({
  doc: `Says how many items a queue has; one that is not there has none, and is not made by this.
    Example: reactor run queue.list_length myqueue`,
  args: { queue, backend },
  idempotent: true,
  run: ({ queue, backend }, { queues }) => queues.length(queue, { backend }),
})

export const list_items = runner({
  doc: `Lists the items of a queue, oldest first; a map as a map. Of calls that insert_runner kept: fun, args and kwargs, without
    secrets. More than ${MOST_ITEMS} are not listed without a limit.
    Example: reactor run queue.list_items myqueue`,
  args: {
    queue,
    backend,
    limit: z.int().min(1).max(MOST_ITEMS).optional().describe('only so many, the oldest. Beyond Salt'),
  },
  idempotent: true,
  run: ({ queue, backend, limit }, { queues }) =>
    queues.items(queue, { backend, ...(limit === undefined ? {} : { limit }) }),
})

export const pop = runner({
  doc: `Takes the oldest items from a queue and returns them as a list.
    Example: reactor run queue.pop myqueue 6`,
  args: { queue, quantity, backend, is_runner },
  guards: several,
  run: ({ queue, quantity, backend, is_runner }, { queues }) =>
    queues.pop(queue, quantity, { backend, runners: is_runner }),
})

export const process_queue = runner({
  doc: `Takes the oldest items from a queue and fires them as salt/queue/<queue>/process, with items, backend and queue, so that a
    rule handles them. Returns what was fired.
    They are removed once that event is stored: a job worker that dies before has them come back, and no item is lost. In between it
    may be that they are fired again: see docs/queues.md. An empty queue fires an event without items, as in Salt. Many large
    items go in several events.
    Example: reactor run queue.process_queue myqueue all backend=sqlite`,
  args: { queue, quantity, backend, is_runner },
  guards: several,
  idempotent: true,
  run: ({ queue, quantity, backend, is_runner }, { queues }) =>
    queues.process(queue, quantity, { backend, runners: is_runner }),
})

export const insert_runner = runner({
  doc: `Keeps a call of a runner function in a queue, to be run by process_runner: in the name of who inserted it, and with the rights
    that they have now. It takes the right to that function. True; or a text where the same call is there already.
    Example: reactor run queue.insert_runner event.send args='["test_insert_runner"]' kwargs='{"data": {"foo": "bar"}}'`,
  args: {
    fun: z.string().describe('the runner function'),
    args: z
      .union([z.array(z.unknown()), z.string()])
      .nullish()
      .describe('its positional arguments, as a list or with commas'),
    kwargs: z.record(z.string(), z.unknown()).nullish().describe('its named arguments'),
    queue: runnerQueue,
    backend: backend.describe(`${QUEUE_BACKENDS.join(', ')}; default: runner_queue.backend of the config`),
  },
  guards: { ...guards, fun: functionName },
  idempotent: true,
  async run({ fun, args, kwargs, queue, backend }, { queues }) {
    const list = typeof args === 'string' ? args.split(',') : (args ?? [])
    const call = { fun, args: list, kwargs: kwargs ?? {} }
    const isNew = await queues.insertRunner(call, { backend, queue: queue ?? undefined })
    return isNew || `Item already exists in this queue: '${fun}' with these arguments`
  },
})

export const process_runner = runner({
  doc: `Runs calls that insert_runner kept, the oldest first and one after the other, each as a job of its own. Returns a list of
    {fun, jid, success, return}. One that failed has run, and is not kept; one whose job worker died is run again, where its function
    is idempotent, and else it is known by its job that nobody can say how it ended.
    Example: reactor run queue.process_runner 5`,
  args: {
    quantity,
    queue: runnerQueue,
    backend: backend.describe(`${QUEUE_BACKENDS.join(', ')}; default: runner_queue.backend of the config`),
  },
  guards: several,
  idempotent: true,
  run: ({ quantity, queue, backend }, { queues }) =>
    queues.processRunner(quantity, { backend, queue: queue ?? undefined }),
})

export const list_dead = runner({
  doc: `Lists the items that were given out queue.tries times and never finished: they are kept, and not given out any more. Each
    with item and tries. Beyond Salt.
    Example: reactor run queue.list_dead myqueue`,
  args: { queue, backend },
  idempotent: true,
  run: ({ queue, backend }, { queues }) => queues.dead(queue, { backend }),
})

export const retry_dead = runner({
  doc: `Has dead items wait again as if they were new. Returns how many there were. Beyond Salt.
    Example: reactor run queue.retry_dead myqueue`,
  args: { queue, items: z.unknown().optional().describe('an item, or a list of items; default: all'), backend },
  guards,
  idempotent: true,
  async run({ queue, items, backend }, { queues }) {
    if (items === null)
      throw new ReactorError('bad_argument', 'queue.retry_dead: null is no item; leave it out for all')
    return queues.retryDead(queue, items, { backend })
  },
})

/** Items that a message names. */
const NAMED = 10
const textOf = (item: unknown): string => (typeof item === 'string' ? item : JSON.stringify(item))
