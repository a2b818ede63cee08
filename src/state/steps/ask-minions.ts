// A job on minions as a step of an orchestration: started, in batches where the step says so, and waited for.
import { batchSize } from '../../call/batch.ts'
import type { Gathered, PublishRequest } from '../../functions/context.ts'
import type { RunnerContext } from '../../functions/runner-context.ts'

/** What a step got of a minion. */
export interface OfMinion {
  id: string
  /** Its return, or in words why there is none. */
  value: unknown
  retcode: number
  /** It gave none. */
  absent: boolean
}

export interface Asking {
  request: PublishRequest
  /** `10` or `25%`; without it all at once. */
  batch?: string | undefined
  /** In batches: start no more once one has failed. */
  failhard?: boolean | undefined
}

/** The signal of the job ends the wait before. */
const WAIT_MS = 20 * 86_400_000

type Minions = Pick<RunnerContext, 'gather' | 'resolve' | 'forgetMissed' | 'signal'>

/**
 * Waits until every minion that took it has ended. Sorted by id; nobody: no minion matches. `jid`: of the first job. Throws the
 * refusals of a publish.
 */
export async function askMinions(
  context: Minions,
  { request, batch, failhard = false }: Asking,
): Promise<{ jid: string | undefined; minions: OfMinion[] }> {
  if (batch === undefined) {
    const gathered = await gather(context, request)
    return { jid: gathered.minions.length > 0 ? gathered.jid : undefined, minions: listed(gathered) }
  }
  const { tgt: _tgt, tgt_type: _type, subset: _subset, ...job } = request
  const left = context.resolve(request)
  const size = left.length === 0 ? 0 : batchSize(batch, left.length)
  const minions: OfMinion[] = []
  let jid: string | undefined
  const lane = async () => {
    for (let id = left.shift(); id !== undefined && !context.signal.aborted; id = left.shift()) {
      const gathered = await gather(context, { ...job, tgt: [id], tgt_type: 'list' })
      jid ??= gathered.jid
      const found = listed(gathered)
      minions.push(...found)
      if (failhard && found.some(one => one.absent || one.retcode !== 0)) left.length = 0
    }
  }
  await Promise.all(Array.from({ length: size }, lane))
  return { jid, minions: minions.sort(byId) }
}

/** Who is away has failed: it is not to run, later, what is part of something that is over. */
async function gather(context: Minions, request: PublishRequest): Promise<Gathered> {
  const gathered = await context.gather(request, WAIT_MS)
  if (gathered.offline.length > 0) await context.forgetMissed(gathered.jid)
  return gathered
}

const byId = (a: OfMinion, b: OfMinion) => (a.id < b.id ? -1 : 1)

function listed({ returns, offline, refused, silent }: Gathered): OfMinion[] {
  const absent = (id: string, value: string): OfMinion => ({ id, value, retcode: 1, absent: true })
  return [
    ...Object.entries(returns).map(([id, { return: value, retcode }]) => ({ id, value, retcode, absent: false })),
    ...offline.map(id => absent(id, 'Minion did not return. [Not connected]')),
    ...Object.entries(refused).map(([id, reason]) => absent(id, `Minion did not take the job: ${reason}`)),
    ...silent.map(id => absent(id, 'Minion did not return. [No response]')),
  ].sort(byId)
}
