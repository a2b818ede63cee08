// What comes of an answer of the minion's schedule: a failed one fails its job, a change is said on its bus, and an entry goes elsewhere.
import { errorMessage } from '../base/errors.ts'
import type { PublishRequest } from '../functions/context.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { ScheduleAnswer } from '../functions/schedule-operations.ts'
import { scheduleChanged, scheduleSaved } from '../protocol/catalogue/minion-bus.ts'

const PEERS_MS = 60_000

/** Fails the job where the answer is a failed one. */
export async function answered<A extends ScheduleAnswer>(
  context: ExecutionContext,
  answer: A | Promise<A>,
): Promise<A> {
  const given = await answer
  if (!given.result) context.setRetcode(1)
  return given
}

/** Entries of a schedule that go into an event: of a larger one those that were changed. */
const MOST_TOLD = 500

/** The same of a change, and says it as Salt does: with the schedule as it is then. */
export async function changed(
  context: ExecutionContext,
  what: string,
  answer: Promise<ScheduleAnswer>,
  test = false,
): Promise<ScheduleAnswer> {
  const given = await answered(context, answer)
  if (given.result && !test) await tell(context, what, given.changes)
  return given
}

/** Says a change on the minion's bus, with the schedule as it is then; that it could not be said is no failure of the change. */
export async function tell(
  context: Pick<ExecutionContext, 'schedule' | 'bus' | 'log'>,
  what: string,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const all = Object.entries(context.schedule.list({ return_yaml: false }))
  const told = all.length <= MOST_TOLD ? all : all.filter(([name]) => Object.hasOwn(changes, name))
  const data = { complete: true as const, schedule: Object.fromEntries(told) }
  await context.bus
    .fire(...(what === 'saved' ? scheduleSaved.of({}, data) : scheduleChanged.of({ change: what }, data)))
    .catch(error => context.log.warn({ error: errorMessage(error) }, 'a change of the schedule could not be said'))
}

type Carried = ScheduleAnswer & { minions?: string[] }

/** What became of an entry's way to other minions, in Salt's words. */
export async function carry(
  how: 'moved' | 'copied',
  name: string,
  target: string,
  test: boolean,
  context: ExecutionContext,
): Promise<Carried> {
  const { schedule } = context
  const item = schedule.item(name)
  if (!item) return answered(context, { result: false, comment: `Job ${name} does not exist.` })
  if (test) return { result: true, comment: `Job: ${name} would be ${how} from schedule.` }
  const request: PublishRequest = {
    tgt: target,
    tgt_type: 'glob',
    fun: 'schedule.add',
    arg: [],
    kwarg: { ...item, name },
  }
  const { returns } = await context.peer({ ...request, timeoutMs: PEERS_MS })
  const minions = Object.keys(returns).sort()
  const failed = minions.filter(id => !returns[id]!.success)
  if (minions.length === 0)
    return answered(context, { result: false, comment: 'no servers answered the published schedule.add command' })
  if (failed.length > 0)
    return answered(context, { result: false, comment: 'the following minions return False', minions: failed })
  if (how === 'copied') return { result: true, comment: `Copied Job ${name} from schedule to minion(s).`, minions }
  const deleted = await changed(context, 'delete', schedule.delete(name))
  if (!deleted.result) return { ...deleted, minions }
  return { result: true, comment: `Moved Job ${name} from schedule.`, minions }
}
