import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { bindArgs } from '../../src/functions/args.ts'
import type { Gathered, PublishRequest } from '../../src/functions/context.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import type { OrchestrationContext, StateReturn } from '../../src/functions/state-context.ts'
import type { JobReturn } from '../../src/protocol/job.ts'

const steps = await loadFunctions('orchestration')
const JID = '20260101000000000000'
const CHANGED = { x: { result: true, changes: { new: 1 }, comment: '' } }
const SAME = { x: { result: true, changes: {}, comment: '' } }
const BROKEN = { x: { result: false, changes: {}, comment: 'no' } }

const returned = (id: string, value: unknown, retcode = 0): JobReturn => ({
  ...{ id, jid: JID, fun: 'x.y', fun_args: [], return: value, retcode, success: retcode === 0, cmd: '_return' },
})
const gathered = (returns: JobReturn[], more: Partial<Gathered> = {}): Gathered => ({
  ...{ jid: JID, minions: returns.map(({ id }) => id), offline: [], refused: {}, silent: [] },
  returns: Object.fromEntries(returns.map(one => [one.id, one])),
  ...more,
})

/** Runs a step whose jobs come back as `answer` says. */
async function step(
  fun: string,
  args: Record<string, unknown>,
  more: Partial<OrchestrationContext> = {},
  answer: (request: PublishRequest) => Gathered = () => gathered([]),
) {
  const asked: PublishRequest[] = []
  const forgotten: string[] = []
  const context = {
    test: false,
    signal: new AbortController().signal,
    gather: async (request: PublishRequest) => {
      asked.push(request)
      return answer(request)
    },
    resolve: () => ['web1', 'web2', 'web3'],
    forgetMissed: async (jid: string) => void forgotten.push(jid),
    ...more,
  } as unknown as OrchestrationContext
  const fn = steps.get(fun)
  const result = (await fn.run(bindArgs(fun, fn, [], { name: 'x', ...args }), context)) as StateReturn
  return { result, asked, forgotten }
}

describe('salt.state', () => {
  const run = (args: Record<string, unknown>, answer: Gathered, more: Partial<OrchestrationContext> = {}) =>
    step('salt.state', { tgt: 'web*', sls: 'nginx', ...args }, more, () => answer)

  it('runs the SLS on the minions, and says on which it changed something and on which not', async () => {
    const { result, asked } = await run(
      { sls: ['nginx', 'site'], pillar: { v: 1 }, saltenv: 'dev', queue: true, timeout: 5 },
      gathered([returned('web1', CHANGED), returned('web2', SAME)]),
    )
    expect(asked).toEqual([
      {
        ...{ tgt: 'web*', fun: 'state.sls', arg: ['nginx,site'], timeout: 5 },
        kwarg: { pillar: { v: 1 }, saltenv: 'dev', queue: true },
      },
    ])
    expect(result).toEqual({
      result: true,
      changes: { out: 'highstate', ret: { web1: CHANGED } },
      comment: 'States ran successfully. Updating web1. No changes made to web2.',
      __jid__: JID,
    })
  })

  it('runs the highstate', async () => {
    const { asked } = await run({ sls: null, highstate: true }, gathered([returned('web1', SAME)]))
    expect(asked[0]).toMatchObject({ fun: 'state.highstate', arg: [], kwarg: {} })
  })

  it('fails with the minions on which a state failed, that did not take the job or did not return', async () => {
    const { result } = await run(
      {},
      gathered([returned('web1', BROKEN, 2), returned('web2', SAME)], {
        ...{ offline: ['db1'], refused: { db2: 'full' }, silent: ['db3'] },
      }),
    )
    expect(result.result).toBe(false)
    expect(result.comment).toBe('Run failed on minions: db1, db2, db3, web1')
    expect(result.changes).toEqual({
      out: 'highstate',
      ret: {
        db1: 'Minion did not return. [Not connected]',
        db2: 'Minion did not take the job: full',
        db3: 'Minion did not return. [No response]',
        web1: BROKEN,
      },
    })
  })

  it('leaves nothing behind for a minion that is away to run when it comes', async () => {
    expect((await run({}, gathered([], { minions: ['db1'], offline: ['db1'] }))).forgotten).toEqual([JID])
    expect((await run({}, gathered([returned('web1', SAME)]))).forgotten).toEqual([])
  })

  it('takes a run that did not begin for a failure', async () => {
    const { result } = await run({}, gathered([returned('web1', ["No matching sls found for 'nginx'"], 1)]))
    expect(result.comment).toBe('Run failed on minions: web1')
  })

  it('lets as many fail as it says, and those that it names', async () => {
    const failing = gathered([returned('web1', BROKEN, 2), returned('web2', BROKEN, 2)])
    expect((await run({ allow_fail: 2 }, failing)).result.result).toBe(true)
    expect((await run({ fail_minions: 'web1, web2' }, failing)).result.result).toBe(true)
    expect((await run({ fail_minions: ['web1'], allow_fail: 0 }, failing)).result.comment).toBe(
      'Run failed on minions: web2',
    )
  })

  it('fails where nobody matches, unless it says that this may be', async () => {
    expect((await run({}, gathered([]))).result).toMatchObject({ result: false, comment: 'No minions returned' })
    expect((await run({ expect_minions: false }, gathered([]))).result).toMatchObject({ result: true })
  })

  it('has minions only say what they would do in a test, and then is neither true nor false', async () => {
    const would = { x: { result: null, changes: { new: 1 }, comment: '' } }
    const { result, asked } = await run({}, gathered([returned('web1', would)]), { test: true })
    expect(asked[0]!.kwarg).toEqual({ test: true })
    expect(result.result).toBeNull()
    const idle = await run({ test: true }, gathered([returned('web1', SAME)]))
    expect(idle.result.result).toBe(true)
  })

  it('wants either SLS or the highstate', async () => {
    expect((await run({ sls: null }, gathered([]))).result.comment).toBe(
      'No highstate or sls specified, no execution made',
    )
    expect((await run({ highstate: true }, gathered([]))).result.result).toBe(false)
  })

  it('goes through its minions in batches, and stops at a failure where it says so', async () => {
    const one = (request: PublishRequest) => {
      const [id] = request.tgt as [string]
      return gathered([id === 'web1' ? returned(id, BROKEN, 2) : returned(id, SAME)])
    }
    const args = { tgt: 'web*', sls: 'nginx', batch: 1 }
    const all = await step('salt.state', args, {}, one)
    expect(all.asked.map(({ tgt }) => tgt)).toEqual([['web1'], ['web2'], ['web3']])
    expect(all.result.comment).toBe('Run failed on minions: web1')
    const first = await step('salt.state', { ...args, failhard: true }, {}, one)
    expect(first.asked.map(({ tgt }) => tgt)).toEqual([['web1']])
    const whole = await step('salt.state', { tgt: 'web*', sls: 'x', failhard: true }, {}, () => gathered([]))
    expect(whole.asked.map(({ tgt }) => tgt)).toEqual(['web*'])
  })
})

describe('salt.function', () => {
  const run = (answer: Gathered, more: Partial<OrchestrationContext> = {}) =>
    step('salt.function', { name: 'cmd.run', tgt: 'web*', arg: ['true'], kwarg: { cwd: '/' } }, more, () => answer)

  it('calls it and shows what the minions returned', async () => {
    const { result, asked } = await run(gathered([returned('web1', 'hi')]))
    expect(asked).toEqual([{ tgt: 'web*', fun: 'cmd.run', arg: ['true'], kwarg: { cwd: '/' } }])
    expect(result).toEqual({
      result: true,
      changes: { out: 'highstate', ret: { web1: 'hi' } },
      comment: 'Function ran successfully. Function cmd.run ran on web1.',
      __jid__: JID,
    })
  })

  it('fails where it failed on a minion', async () => {
    const { result } = await run(gathered([returned('web1', 'hi'), returned('web2', 'no', 1)]))
    expect(result).toMatchObject({
      result: false,
      comment: 'Running function cmd.run failed on minions: web2 Function cmd.run ran on web1, web2.',
    })
  })

  it('only says so in a test', async () => {
    const { result, asked } = await run(gathered([]), { test: true })
    expect(result).toMatchObject({ result: null, comment: 'Function cmd.run would be executed on target web*' })
    expect(asked).toEqual([])
  })
})

describe('salt.runner and salt.wheel', () => {
  const calls: unknown[][] = []
  const run: OrchestrationContext['run'] = async (...call) => {
    calls.push(call)
    if (call[1] === 'key.secret') throw new ReactorError('forbidden', 'no role of theirs grants it')
    return call[1] === 'manage.fail'
      ? { jid: JID, success: false, return: 'down' }
      : { jid: JID, success: true, return: 7 }
  }

  it('call the function, with arguments of all kinds', async () => {
    calls.length = 0
    const ok = await step('salt.runner', { name: 'manage.up', arg: [1], kwarg: { a: 2 }, b: 3 }, { run })
    expect(calls).toEqual([['runner', 'manage.up', [1], { a: 2, b: 3 }]])
    expect(ok.result).toEqual({
      ...{ result: true, changes: { return: 7 }, comment: "Runner function 'manage.up' executed." },
      ...{ __jid__: JID, __orchestration__: true },
    })
    const failed = await step('salt.runner', { name: 'manage.fail' }, { run })
    expect(failed.result).toMatchObject({
      ...{ result: false, changes: { return: 'down' }, comment: "Runner function 'manage.fail' failed." },
    })
  })

  it('fail where it is refused, with the reason', async () => {
    const { result } = await step('salt.wheel', { name: 'key.secret', match: 'web1' }, { run })
    expect(result).toMatchObject({
      ...{ result: false, changes: { return: 'no role of theirs grants it' } },
      comment: "Wheel function 'key.secret' failed.",
    })
  })

  it('only say so in a test', async () => {
    calls.length = 0
    const { result } = await step('salt.wheel', { name: 'key.accept', match: 'web1' }, { run, test: true })
    expect(result).toEqual({ result: null, changes: {}, comment: "Wheel function 'key.accept' would be executed." })
    expect(calls).toEqual([])
  })

  it('run side by side as parallel_runners', async () => {
    const runners = { web: [{ name: 'manage.up' }, { kwarg: { a: 1 } }], db: [{ name: 'manage.fail' }] }
    const { result } = await step('salt.parallel_runners', { runners }, { run })
    expect(result).toMatchObject({
      result: false,
      changes: { ret: { web: 7, db: 'down' } },
      comment: 'Runner db failed.',
    })
    const wrong = await step('salt.parallel_runners', { runners: { web: [{ fun: 'manage.up' }] } }, { run })
    expect(wrong.result.comment).toContain("runner 'web'")
  })
})

describe('salt.wait_for_event', () => {
  const hearing =
    (...events: Record<string, unknown>[]): OrchestrationContext['hear'] =>
    async (tag, onEvent) => {
      for (const data of events) onEvent({ tag, data })
    }

  it('ends once all ids were seen, in their events or in what those wrap', async () => {
    const hear = hearing({ id: 'db1' }, { id: 'web1' }, { id: 'web1' }, { data: { id: 'web2' } })
    const { result } = await step('salt.wait_for_event', { name: 'a/*', id_list: ['web1', 'web2'] }, { hear })
    expect(result).toMatchObject({ result: true, changes: { minions_seen: ['web1', 'web2'] } })
    expect(result.comment).toMatch(/^All events seen in [\d.]+ seconds\.$/)
  })

  it('fails when its time is up, with those that were seen', async () => {
    const args = { name: 'a/*', id_list: ['web1', 'web2'], timeout: 0.01, event_id: 'who' }
    const { result } = await step('salt.wait_for_event', args, { hear: hearing({ who: 'web2' }) })
    expect(result).toEqual({ result: false, changes: { minions_seen: ['web2'] }, comment: 'Timeout value reached.' })
  })

  it('fails with the orchestration where that ends', async () => {
    const ending = new AbortController()
    const hear = async () => ending.abort(new Error('stopped'))
    const waiting = step('salt.wait_for_event', { name: 'a', id_list: ['x'] }, { hear, signal: ending.signal })
    await expect(waiting).rejects.toThrow('stopped')
  })

  it('only says so in a test', async () => {
    const { result } = await step('salt.wait_for_event', { name: 'a', id_list: ['x'] }, { test: true })
    expect(result).toMatchObject({ result: null, comment: "Orchestration would wait for event 'a'" })
  })
})
