// Steps on minions: `salt.state` and `salt.function`.
import { z } from 'zod'
import { isObject } from '../../base/json.ts'
import { orchestration } from '../../functions/define.ts'
import type { OrchestrationContext, StateReturn } from '../../functions/state-context.ts'
import { failed, wouldChange } from '../../functions/state-return.ts'
import { splitInput } from '../../report/search.ts'
import { askMinions, type OfMinion } from './ask-minions.ts'

const name = z.string().min(1)
const list = z.union([z.string(), z.array(z.string())])
const onMinions = {
  tgt: list.describe('which minions'),
  tgt_type: z.string().nullish().describe('type of the target; default: glob, list for a list'),
  ret: list.nullish().describe('returners that the returns go to, besides'),
  ret_config: z.string().nullish().describe('other settings of theirs'),
  ret_kwargs: z.record(z.string(), z.unknown()).nullish().describe('settings of theirs over those of the config'),
  timeout: z
    .number()
    .positive()
    .nullish()
    .describe('seconds in which minions must start it; default: jobs.job_timeout'),
  batch: z.union([z.string(), z.number()]).nullish().describe('so many minions at a time, such as 10 or 25%'),
  subset: z.number().int().min(1).nullish().describe('only so many of the minions, drawn by lot'),
  failhard: z
    .boolean()
    .nullish()
    .describe(
      'the orchestration ends where the step fails; of a batch no more minions are started once one has failed',
    ),
  expect_minions: z.boolean().default(true).describe('that nobody matches is a failure'),
  fail_minions: list.nullish().describe('minions whose failure does not count'),
}
type OnMinions = { [K in keyof typeof onMinions]: z.output<(typeof onMinions)[K]> }

export const stateStep = orchestration({
  doc: `Runs states on minions, and waits for them: those of 'sls', or with highstate those of the top file.
    Example:
      web servers:
        salt.state:
          - tgt: 'web*'
          - sls: [nginx, site]
          - require:
              - salt: database`,
  args: {
    name: name.describe('of the step'),
    ...onMinions,
    sls: list.nullish().describe('SLS by name'),
    highstate: z.boolean().default(false).describe('run the states that the top file gives each minion'),
    test: z.boolean().nullish().describe('minions only say what they would do'),
    pillar: z.record(z.string(), z.unknown()).nullish().describe("laid over each minion's pillar"),
    pillarenv: z.string().nullish().describe('only the pillar of this environment'),
    saltenv: z.string().nullish().describe('the environment of the SLS'),
    queue: z
      .union([z.boolean(), z.number().int().min(0)])
      .default(false)
      .describe('wait on a minion while another state run goes on there; a number: with at most so many that wait'),
    concurrent: z.boolean().default(false).describe('run beside another state run'),
    allow_fail: z.number().int().min(0).default(0).describe('so many minions may fail'),
  },
  async run(
    { sls, highstate, test: asked, pillar, pillarenv, saltenv, queue, concurrent, allow_fail, ...on },
    context,
  ) {
    const mods = splitInput(sls)
    if (!highstate && mods.length === 0) return failed('No highstate or sls specified, no execution made')
    if (highstate && mods.length > 0) return failed("Give 'sls' or 'highstate', not both")
    const test = context.test || asked === true
    const kwarg = present({
      test: test || undefined,
      pillar,
      pillarenv,
      saltenv,
      queue: queue === false ? undefined : queue,
      concurrent: concurrent || undefined,
    })
    const call = highstate ? { fun: 'state.highstate', arg: [] } : { fun: 'state.sls', arg: [mods.join(',')] }
    const { jid, minions } = await ask(context, on, { ...call, kwarg })
    if (minions.length === 0) return nobody(on)
    const fails = minions.filter(one => one.absent || !isStateRun(one.value) || one.retcode !== 0)
    const failing = fails.filter(({ id }) => !splitInput(on.fail_minions).includes(id))
    const idle = minions.filter(one => !fails.includes(one) && !hasChanges(one.value))
    const shown = minions.filter(one => !idle.includes(one))
    const changes = outOf(shown)
    const ids = (of: OfMinion[]) => of.map(({ id }) => id).join(', ')
    if (failing.length > allow_fail)
      return { ...failed(`Run failed on minions: ${ids(failing)}`, changes), ...jobOf(jid) }
    const comment = [
      'States ran successfully.',
      ...(shown.length > 0 ? [`Updating ${ids(shown)}.`] : []),
      ...(idle.length > 0 ? [`No changes made to ${ids(idle)}.`] : []),
    ].join(' ')
    return { result: test && shown.length > 0 ? null : true, changes, comment, ...jobOf(jid) }
  },
})

export const functionStep = orchestration({
  doc: `Calls a function on minions, and waits for it.
    Example:
      cmd.run:
        salt.function:
          - tgt: 'web*'
          - arg: ['systemctl reload nginx']`,
  args: {
    name: name.describe('the function, such as cmd.run'),
    ...onMinions,
    arg: z.array(z.unknown()).nullish().describe('its positional arguments'),
    kwarg: z.record(z.string(), z.unknown()).nullish().describe('its named arguments'),
  },
  async run({ name: fun, arg, kwarg, ...on }, context) {
    if (context.test) return wouldChange(`Function ${fun} would be executed on target ${[on.tgt].flat().join(',')}`)
    const { jid, minions } = await ask(context, on, { fun, arg: arg ?? [], kwarg: kwarg ?? {} })
    if (minions.length === 0) return nobody(on)
    const spared = splitInput(on.fail_minions)
    const failing = minions.filter(one => (one.absent || one.retcode !== 0) && !spared.includes(one.id))
    const ran = minions.filter(one => !one.absent).map(({ id }) => id)
    const outcome =
      failing.length > 0
        ? `Running function ${fun} failed on minions: ${failing.map(({ id }) => id).join(', ')}`
        : 'Function ran successfully.'
    const comment = ran.length > 0 ? `${outcome} Function ${fun} ran on ${ran.join(', ')}.` : outcome
    return { result: failing.length === 0, changes: outOf(minions), comment, ...jobOf(jid) }
  },
})

type Call = Required<Pick<Parameters<OrchestrationContext['gather']>[0], 'fun' | 'arg' | 'kwarg'>>

function ask(context: OrchestrationContext, on: OnMinions, call: Call) {
  const { tgt, tgt_type, ret, ret_config, ret_kwargs, timeout, subset, batch, failhard } = on
  const returning = { ret: ret ? splitInput(ret).join(',') : undefined, ret_config, ret_kwargs }
  return askMinions(context, {
    request: { tgt, ...call, ...present({ tgt_type, timeout, subset, ...returning }) },
    ...present({ batch: batch === null || batch === undefined ? undefined : String(batch), failhard }),
  })
}

const nobody = ({ expect_minions }: OnMinions): StateReturn =>
  expect_minions
    ? failed('No minions returned')
    : { result: true, changes: {}, comment: 'No minions matched the target.' }

/** Without what is null or undefined. */
const present = <T extends object>(given: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }

const jobOf = (jid: string | undefined): Pick<StateReturn, '__jid__'> => (jid === undefined ? {} : { __jid__: jid })

/** Changes as the highstate outputter shows what is in them. */
const outOf = (minions: readonly OfMinion[]): Record<string, unknown> =>
  minions.length === 0 ? {} : { out: 'highstate', ret: Object.fromEntries(minions.map(({ id, value }) => [id, value])) }

const isStateRun = (value: unknown): value is Record<string, Record<string, unknown>> =>
  isObject(value) && Object.values(value).every(one => isObject(one) && 'result' in one)

const hasChanges = (value: unknown): boolean =>
  isStateRun(value) && Object.values(value).some(({ changes }) => isObject(changes) && Object.keys(changes).length > 0)
