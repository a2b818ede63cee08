// What minions may run on others: the config's `jobs.peer`, as Salt's `peer` has it. Nothing, unless it says so.
import { type Audit, failureOf, shownTarget } from '../audit/audit.ts'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Gathered, PublishRequest } from '../functions/context.ts'
import { isJid } from '../protocol/jid.ts'
import { returnerRights } from '../protocol/returning.ts'
import { causedBy, type Trace } from '../protocol/trace.ts'
import { isValuePaths } from '../protocol/trust.ts'
import type { Gather } from './gather.ts'
import { innerRights } from './inner.ts'
import type { JobRecords } from './records.ts'

export type PeerRules = Readonly<Record<string, readonly string[]>>
export type AskPeers = (minion: string, body: unknown) => Promise<Gathered>

const MOST_MS = 3_600_000

/** Whether some rule whose key matches the minion has a pattern that matches the function; both from the beginning, as Salt's. */
export function createPeerCheck(rules: PeerRules): (minion: string, fun: string) => boolean {
  const compiled = Object.entries(rules).map(([id, funs]) => ({ id: pattern(id), funs: funs.map(pattern) }))
  return (minion, fun) => compiled.some(rule => rule.id.test(minion) && rule.funs.some(one => one.test(fun)))
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(`^(?:${text})`)
  } catch {
    throw new ReactorError('bad_config', `jobs.peer: '${text}' is no regular expression`)
  }
}

/** Answers requests on `<ns>.peer.<minion>`. Throws `forbidden` where no rule allows it, and the refusals of a publish. */
export function createAskPeers(
  rules: PeerRules,
  gather: Gather,
  audit: Audit,
  records: Pick<JobRecords, 'find'>,
): AskPeers {
  const allowed = createPeerCheck(rules)
  /**
   * Of the minion's job that asks, by its record: the minion's own word could keep rules from reacting to what other
   * minions return.
   */
  const traceOf = async (minion: string, jid: unknown): Promise<Trace> => {
    const record = isJid(jid) ? await records.find(jid) : undefined
    return record?.minions?.includes(minion) ? causedBy(record.jid, record) : {}
  }
  return async (minion, body) => {
    const asked = { user: `peer:${minion}`, source: 'FLEET' }
    if (!isObject(body) || typeof body.fun !== 'string' || typeof body.timeoutMs !== 'number' || !(body.timeoutMs > 0))
      throw new ReactorError('bad_argument', 'peer: the body must be {tgt, fun, timeoutMs, …}')
    if (body.untrusted !== undefined && !isValuePaths(body.untrusted))
      throw new ReactorError('bad_argument', "peer: 'untrusted' is a list of paths to arguments")
    const { timeoutMs, cause, ...request } = body
    const [arg, kwarg] = [Array.isArray(body.arg) ? body.arg : [], isObject(body.kwarg) ? body.kwarg : {}]
    const wanted = [body.fun, ...returnerRights(body), ...innerRights(body.fun, arg, kwarg)]
    const refused = wanted.find(fun => !allowed(minion, fun))
    if (refused !== undefined) {
      const refusal = new ReactorError(
        'forbidden',
        `minion '${minion}' may not run '${refused}' on others: allow it in the job workers' config, as jobs: {peer: {${JSON.stringify(minion)}: [${JSON.stringify(refused)}]}}`,
      )
      audit('publish', {
        ...{ ...asked, action: body.fun.slice(0, 200).toWellFormed(), tgt: shownTarget(body.tgt) },
        ...failureOf(refusal),
      })
      throw refusal
    }
    return gather(
      request as unknown as PublishRequest,
      { ...asked, ...(await traceOf(minion, cause)) },
      { timeoutMs: Math.min(timeoutMs, MOST_MS) },
    )
  }
}
