// Runner `manage`: which minions are up, down, connected, and how old they are, in Salt's shapes.
import { z } from 'zod'
import { VERSION } from '../base/version.ts'
import { runner } from '../functions/define.ts'
import { fixed, target } from '../functions/guards.ts'
import type { RunnerContext } from '../functions/runner-context.ts'
import { resolveTarget } from '../protocol/target.ts'
import { splitInput } from '../report/search.ts'
import { compareVersions } from '../report/versions.ts'

const TIMEOUT_S = 5

const tgt = z
  .union([z.string(), z.array(z.string())])
  .default('*')
  .describe('which minions')
const tgt_type = z.string().nullish().describe('type of the target; default: glob, list for a list')
const timeout = z.number().positive().nullish().describe(`seconds that minions have to answer; default ${TIMEOUT_S}`)
const gather_job_timeout = z
  .number()
  .min(0)
  .nullish()
  .describe('more seconds for those that have taken the ping and are busy; default 0')
const subset = z
  .union([z.string(), z.array(z.string())])
  .nullish()
  .describe('only of these: ids, as a list or with commas, or a network such as 10.0.0.0/8')
const guards = { tgt: target, tgt_type: fixed('the type of a target') }
const show_ip = z.boolean().default(false).describe('a map with an address of each, from its grains, instead of a list')

export const status = runner({
  doc: `Pings minions and returns {up, down}: those that answered, and those that are offline or did not answer in time.
    Who is offline is known at once and not waited for.
    Example: reactor run manage.status tgt='web*'`,
  args: {
    output: z
      .boolean()
      .default(true)
      .refine(output => output, 'the answer is always returned: leave it out')
      .describe('not supported but true'),
    tgt,
    tgt_type,
    timeout,
    gather_job_timeout,
  },
  guards,
  idempotent: true,
  run: (args, context) => ping(args, context),
})

export const up = runner({
  doc: `Pings minions and lists those that answer.
    Example: reactor run manage.up`,
  args: { tgt, tgt_type, timeout, gather_job_timeout },
  guards,
  idempotent: true,
  run: async (args, context) => (await ping(args, context)).up,
})

export const down = runner({
  doc: `Pings minions and lists those that are offline or do not answer in time.
    Example: reactor run manage.down tgt='web*'`,
  args: {
    removekeys: z
      .boolean()
      .default(false)
      .refine(
        remove => !remove,
        'a minion that is only off would lose its key: give those that are gone to the wheel function key.delete',
      )
      .describe('not supported but false'),
    tgt,
    tgt_type,
    timeout,
    gather_job_timeout,
  },
  guards,
  idempotent: true,
  run: async (args, context) => (await ping(args, context)).down,
})

export const list_state = runner({
  doc: `Lists the minions that are connected, by their heartbeats: nothing is sent to them.
    present, joined, allowed, alived and reaped are other names of it, as in Salt.
    Example: reactor run manage.list_state show_ip=True`,
  args: { subset, show_ip },
  idempotent: true,
  async run(args, context) {
    const connected = new Set(await context.connected())
    return presence(id => connected.has(id), connected, args, context)
  },
})

export const list_not_state = runner({
  doc: `Lists the minions that are not connected, by their heartbeats: nothing is sent to them.
    Of those with an accepted key, also when they were never there, and of those whose grains are known.
    not_present, not_joined, not_allowed, not_alived and not_reaped are other names of it, as in Salt.
    Example: reactor run manage.list_not_state`,
  args: { subset, show_ip },
  idempotent: true,
  async run(args, context) {
    const { connected, not_connected } = await context.presence()
    const there = new Set(connected)
    return presence(id => !there.has(id), not_connected, args, context)
  },
})

export const present = list_state
export const joined = list_state
export const allowed = list_state
export const alived = list_state
export const reaped = list_state
export const not_present = list_not_state
export const not_joined = list_not_state
export const not_allowed = list_not_state
export const not_alived = list_not_state
export const not_reaped = list_not_state

export const versions = runner({
  doc: `Compares the minions' versions, from their grains, with the master's: nothing is sent to them.
    Those that are not connected are under 'Minion offline', as false.
    Example: reactor run manage.versions`,
  idempotent: true,
  async run(_args, context) {
    const connected = await context.connected()
    const minions = new Map<string, string | undefined | false>(connected.map(id => [id, undefined]))
    for (const { id, grains } of context.fleet()) {
      const version = grains.reactorversion
      minions.set(id, minions.has(id) ? (typeof version === 'string' ? version : undefined) : false)
    }
    return compareVersions(VERSION, minions)
  },
})

interface Ping {
  tgt: string | string[]
  tgt_type?: string | null | undefined
  timeout?: number | null | undefined
  gather_job_timeout?: number | null | undefined
}

async function ping(args: Ping, context: RunnerContext): Promise<{ up: string[]; down: string[] }> {
  const timeout = args.timeout ?? TIMEOUT_S
  const { minions, returns } = await context.probe(
    {
      tgt: args.tgt,
      tgt_type: args.tgt_type ?? (Array.isArray(args.tgt) ? 'list' : 'glob'),
      fun: 'test.ping',
      timeout,
    },
    (timeout + (args.gather_job_timeout ?? 0)) * 1000,
  )
  const answered = (id: string) => Object.hasOwn(returns, id)
  return { up: minions.filter(answered).sort(), down: minions.filter(id => !answered(id)).sort() }
}

/** Of the known minions and those named besides: the ids that fit, or a map with their addresses. */
function presence(
  fits: (id: string) => boolean,
  besides: Iterable<string>,
  { subset, show_ip }: { subset?: string | string[] | null | undefined; show_ip: boolean },
  context: RunnerContext,
): string[] | Record<string, string | null> {
  const fleet = new Map(context.fleet().map(minion => [minion.id, minion]))
  for (const id of besides) if (!fleet.has(id)) fleet.set(id, { id, grains: {} })
  const wanted = subsetOf(subset, [...fleet.values()])
  const ids = [...fleet.keys()].filter(id => fits(id) && (!wanted || wanted.has(id))).sort()
  if (!show_ip) return ids
  return Object.fromEntries(ids.map(id => [id, addressOf(fleet.get(id)?.grains ?? {})]))
}

function subsetOf(
  subset: string | string[] | null | undefined,
  fleet: readonly { id: string; grains: Record<string, unknown> }[],
): Set<string> | undefined {
  if (subset === undefined || subset === null) return undefined
  const isNetwork = typeof subset === 'string' && /^[\da-f.:]+\/\d+$/i.test(subset)
  const [target, type] = isNetwork ? [subset, 'ipcidr'] : [splitInput(subset), 'list']
  return new Set(resolveTarget(target, type, fleet, { nodegroups: {}, pillar: false }).minions)
}

/** The first address that is not of the machine itself. */
function addressOf(grains: Record<string, unknown>): string | null {
  const known = [grains.ipv4, grains.ipv6].flatMap(list => (Array.isArray(list) ? list : []))
  const outside = known.filter((ip): ip is string => typeof ip === 'string' && !/^(127\.|::1$|fe80:)/i.test(ip))
  return outside[0] ?? null
}
