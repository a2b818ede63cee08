// Steps that call functions of job workers and of the master: `salt.runner`, `salt.wheel`, `salt.parallel_runners`.
import { z } from 'zod'
import { asReactorError } from '../../base/errors.ts'
import { orchestration } from '../../functions/define.ts'
import type { RanWithin } from '../../functions/runner-context.ts'
import type { OrchestrationContext, StateReturn } from '../../functions/state-context.ts'
import { failed, wouldChange } from '../../functions/state-return.ts'

const called = {
  name: z.string().min(1).describe('the function, such as manage.up'),
  arg: z.array(z.unknown()).nullish().describe('its positional arguments'),
  kwarg: z.record(z.string(), z.unknown()).nullish().describe('its named arguments; they may also stand beside it'),
}

export const runnerStep = orchestration({
  doc: `Calls a runner function, as a job of its own, and waits for it. Further arguments are its own.
    Example:
      event.send:
        salt.runner:
          - tag: deploy/done
          - data: {version: 1.4.2}`,
  args: called,
  extra: 'kwargs',
  run: (args, context) => callWithin('runner', args, context),
})

export const wheelStep = orchestration({
  doc: `Calls a wheel function of the master, and waits for it. Further arguments are its own.
    Example:
      key.accept:
        salt.wheel:
          - match: web7`,
  args: called,
  extra: 'kwargs',
  run: (args, context) => callWithin('wheel', args, context),
})

export const parallelRunnersStep = orchestration({
  doc: `Calls several runner functions at once, and waits for all of them.
    Example:
      both:
        salt.parallel_runners:
          - runners:
              web:
                - name: state.orchestrate
                - kwarg: {mods: deploy.web}
              db:
                - name: state.orchestrate
                - kwarg: {mods: deploy.db}`,
  args: {
    name: z.string().min(1).describe('of the step'),
    runners: z
      .record(z.string(), z.array(z.record(z.string(), z.unknown())))
      .describe("by a name of one's own: its function as 'name', and its arguments as 'arg' and 'kwarg'"),
  },
  async run({ runners }, context) {
    const calls = Object.entries(runners).map(
      ([key, given]) => [key, z.strictObject(called).safeParse(Object.assign({}, ...given))] as const,
    )
    const wrong = calls.find(([, call]) => !call.success)
    if (wrong)
      return failed(
        `runner '${wrong[0]}': ${wrong[1].error!.issues.map(one => `${one.path.join('.')} ${one.message}`).join('; ')}`,
      )
    if (context.test)
      return wouldChange(`Runner functions ${calls.map(([, call]) => call.data!.name).join(', ')} would be executed.`)
    const ran = await Promise.all(
      calls.map(
        async ([key, { data }]) => [key, await attempt(context, 'runner', data!.name, data!.arg, data!.kwarg)] as const,
      ),
    )
    const failing = ran.filter(([, { success }]) => !success).map(([key]) => key)
    const changes = { ret: Object.fromEntries(ran.map(([key, one]) => [key, one.return])) }
    const comment =
      failing.length === 0
        ? 'All runner functions executed successfully.'
        : `${failing.length === 1 ? 'Runner' : 'Runners'} ${failing.join(', ')} failed.`
    return { result: failing.length === 0, changes, comment, __orchestration__: true }
  },
})

async function callWithin(
  kind: 'runner' | 'wheel',
  {
    name: fun,
    arg,
    kwarg,
    kwargs,
  }: {
    name: string
    arg?: unknown[] | null | undefined
    kwarg?: Record<string, unknown> | null | undefined
    kwargs: Record<string, unknown>
  },
  context: OrchestrationContext,
): Promise<StateReturn> {
  const what = `${kind === 'runner' ? 'Runner' : 'Wheel'} function '${fun}'`
  if (context.test) return wouldChange(`${what} would be executed.`)
  const { jid, success, return: value } = await attempt(context, kind, fun, arg, { ...kwarg, ...kwargs })
  const comment = `${what} ${success ? 'executed' : 'failed'}.`
  return {
    result: success,
    changes: { return: value },
    comment,
    __orchestration__: true,
    ...(jid === undefined ? {} : { __jid__: jid }),
  }
}

/** What it throws is the failure of the step. */
async function attempt(
  { run }: OrchestrationContext,
  kind: 'runner' | 'wheel',
  fun: string,
  arg: unknown[] | null | undefined,
  kwarg: Record<string, unknown> | null | undefined,
): Promise<RanWithin> {
  try {
    return await run(kind, fun, arg ?? [], kwarg ?? {})
  } catch (thrown) {
    return { success: false, return: asReactorError(thrown).message }
  }
}
