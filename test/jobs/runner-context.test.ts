// What a runner function may do in the name of the operator who called it.
import { describe, expect, it } from 'vitest'
import type { CallContext, Gathered } from '../../src/functions/context.ts'
import type { RunnerContext } from '../../src/functions/runner-context.ts'
import type { Asked } from '../../src/jobs/publish.ts'
import { createRunnerContext, type RunnerContextParts } from '../../src/jobs/runner-context.ts'
import type { JobRecord, PublishMessage } from '../../src/protocol/job.ts'
import type { JobsRequest } from '../../src/protocol/job-view.ts'
import { ALL_GRANTS, type Grants, NO_GRANTS } from '../../src/protocol/role.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import type { ValuePath } from '../../src/protocol/trust.ts'
import type { RulesControl } from '../../src/reactor/bundle/control.ts'
import { madeJob } from '../report/made.ts'

const OWN = '20261120091843644180'
const OTHERS = '20261120091843644181'
const NONE = '20261120091843644182'
const GATHERED: Gathered = { jid: '1', minions: [], returns: {}, offline: [], refused: {}, silent: [] }
const JOBS = [madeJob(OWN, { web1: 'running' }, { user: 'ann' }), madeJob(OTHERS, { web1: 'running' }, { user: 'bob' })]

/** Notes who asks for what, and hands on what they may know. */
const changes: unknown[][] = []
const CONTROL = {
  list: async (counts: () => Promise<unknown>) => ({ counts: await counts() }),
  switch: async (...args: unknown[]) => void changes.push(['switch', ...args]),
  push: async (...args: unknown[]) => void changes.push(['push', ...args]),
} as unknown as RulesControl

function open(grants: Grants | undefined, untrusted?: ValuePath[]) {
  const asked: { what: string; request: PublishMessage; asked: Asked }[] = []
  const searched: JobsRequest[] = []
  const forgotten: string[] = []
  const fired: string[] = []
  const parts: Partial<RunnerContextParts> = {
    subjects: createSubjects('reactor'),
    publishJob: async (request, by) => {
      asked.push({ what: 'publish', request, asked: by })
      return { jid: '1', minions: [], missing: [], offline: [], refused: {}, waiting: [], deadline: 0, run_until: 0 }
    },
    gather: async (request, by) => {
      asked.push({ what: 'gather', request, asked: by })
      return GATHERED
    },
    cache: {
      job: async jid => JOBS.find(job => job.jid === jid) ?? null,
      changed: () => Promise.reject(new Error('not used')),
      jobs: async request => {
        searched.push(request)
        return { jobs: [], more: false }
      },
    },
    records: {
      find: async jid => JOBS.find(job => job.jid === jid) as unknown as JobRecord | undefined,
    },
    missed: { forget: async jid => void forgotten.push(jid) },
    fleet: { values: new Map([['web1', { id: 'web1', grains: {} }]]) },
    targets: { nodegroups: {}, pillar: false },
    rules: {
      control: async () => CONTROL,
      counts: async () => [{ rule: 'a', states: {}, suppressed: {} }],
    },
    resolveJob: (request, by) => {
      asked.push({ what: 'resolve', request, asked: by as Asked })
      return { minions: ['web1'], missing: [] }
    },
    orchestrations: context => ({ steps: context }) as never,
  }
  const base = { jid: '9', fire: async (tag: string) => void fired.push(tag), signal: new AbortController().signal }
  const context = createRunnerContext(parts as RunnerContextParts)(base as unknown as CallContext, {
    ...{ fun: 'own.fun', arg: [], kwarg: {}, user: 'ann', source: 'OPS', jid: '9', hops: 3, chain: 'r', untrusted },
    ...(grants ? { grants: () => grants } : {}),
  })
  return { context, asked, searched, forgotten, fired }
}

const request = { tgt: '*', fun: 'cmd.run' }

describe('a runner function that an operator calls', () => {
  it('starts jobs in their name and with their rights', async () => {
    const { context, asked } = open(NO_GRANTS)
    await context.publish(request)
    await context.gather(request, 5)
    expect(asked.map(({ what }) => what)).toEqual(['publish', 'gather'])
    for (const { asked: by } of asked) {
      expect(by).toMatchObject({ user: 'ann', source: 'OPS', cause: '9', hops: 3, chain: 'r' })
      expect(by.grants!()).toBe(NO_GRANTS)
    }
  })

  it('resolves targets with their rights', () => {
    const { context, asked } = open(NO_GRANTS)
    expect(context.resolve(request)).toEqual(['web1'])
    expect(asked[0]!.asked.grants!()).toBe(NO_GRANTS)
  })

  it('has steps of an orchestration carry no marks of an event, whose values its guard has looked at', async () => {
    const { context, asked } = open(NO_GRANTS, [['kwarg', 'pillar', 'x']])
    await context.gather(request, 5)
    const { steps } = context.orchestrations as unknown as { steps(): RunnerContext }
    await steps().gather(request, 5)
    expect(asked.map(({ asked: by }) => by.untrusted)).toEqual([[['tgt']], undefined])
    expect(asked[1]!.asked.grants!()).toBe(NO_GRANTS)
  })

  it('probes in its own name, whatever they may', async () => {
    const { context, asked } = open(NO_GRANTS)
    await context.probe({ tgt: '*', fun: 'test.ping' }, 5)
    expect(asked[0]!.asked).toEqual({ user: 'runner:own.fun', cause: '9', hops: 3, chain: 'r' })
  })

  it('fires only what they may fire, beside what tells of its own job', async () => {
    const { context, fired } = open({ ...NO_GRANTS, fire: ['deploy/**'] })
    await context.fire('salt/run/9/progress', {})
    await context.fire('deploy/done', {})
    for (const tag of ['salt/key', 'salt/run/8/ret', 'salt/run/99/x', 'deployed', 'salt/run/9'])
      await expect(context.fire(tag, {})).rejects.toMatchObject({
        code: 'forbidden',
        message: `'ann' may not fire '${tag}': no role of theirs grants it`,
      })
    expect(fired).toEqual(['salt/run/9/progress', 'deploy/done'])
  })

  it('sees their own jobs only', async () => {
    const { context, searched } = open(NO_GRANTS)
    expect((await context.cache.job(OWN))?.jid).toBe(OWN)
    expect(await context.cache.job(OTHERS)).toBeNull()
    expect((await context.record(OWN))?.jid).toBe(OWN)
    expect(await context.record(OTHERS)).toBeUndefined()
    await context.cache.jobs({ fun: 'x.y' })
    expect(searched).toEqual([{ fun: 'x.y', user: 'ann' }])
  })

  it("sees everybody's with the right to it", async () => {
    const { context, searched } = open({ ...NO_GRANTS, jobs: 'all' })
    expect((await context.cache.job(OTHERS))?.jid).toBe(OTHERS)
    expect((await context.record(OTHERS))?.jid).toBe(OTHERS)
    await context.cache.jobs({ fun: 'x.y' })
    expect(searched).toEqual([{ fun: 'x.y' }])
  })

  it("takes back their own job from minions that are away, another's only where they may end it", async () => {
    const seeing: Grants = { ...NO_GRANTS, jobs: 'all' }
    const { context, forgotten } = open(seeing)
    await context.forgetMissed(OWN)
    await expect(context.forgetMissed(OTHERS)).rejects.toMatchObject({ code: 'forbidden' })
    expect(forgotten).toEqual([OWN])
    for (const fun of ['saltutil.kill_job', 'saltutil.term_job']) {
      const allowed = open({ ...seeing, local: [{ tgt: 'web*', funs: [fun] }] })
      await allowed.context.forgetMissed(OTHERS)
      expect(allowed.forgotten).toEqual([OTHERS])
    }
    const elsewhere = open({ ...seeing, local: [{ tgt: 'db*', funs: ['saltutil.*'] }] })
    await expect(elsewhere.context.forgetMissed(OTHERS)).rejects.toMatchObject({ code: 'forbidden' })
  })
})

describe.each([
  ['a rule', undefined],
  ['an admin', ALL_GRANTS],
])('a runner function that %s calls', (_who, grants) => {
  it('may everything', async () => {
    const { context, fired, forgotten, searched } = open(grants)
    await context.fire('salt/key', {})
    expect((await context.cache.job(OTHERS))?.jid).toBe(OTHERS)
    expect(await context.cache.job(NONE)).toBeNull()
    await context.cache.jobs({})
    await context.forgetMissed(OTHERS)
    expect({ fired, forgotten, searched }).toEqual({ fired: ['salt/key'], forgotten: [OTHERS], searched: [{}] })
  })
})

describe('the rules in force', () => {
  const push = { rules: [], name: 'x', dry_run: false }

  it('are changed in the name of who has the right to just that', async () => {
    changes.length = 0
    const { context } = open({ ...NO_GRANTS, runner: ['own.*', 'rules.disable'] })
    await context.rules.switch(['a'], 'off', 'loud')
    await expect(context.rules.switch(['a'], 'on')).rejects.toMatchObject({
      code: 'forbidden',
      message: "'ann' may not change rules: no role of theirs grants runner 'rules.enable'",
    })
    await expect(context.rules.push(push)).rejects.toMatchObject({ code: 'forbidden' })
    expect(changes).toEqual([['switch', { to: 'off', names: ['a'], by: 'ann', reason: 'loud' }]])
    await open({ ...NO_GRANTS, runner: ['rules.*'] }).context.rules.push(push)
    await open(undefined).context.rules.push(push)
    expect(changes.slice(1)).toEqual([
      ['push', push, 'ann'],
      ['push', push, 'ann'],
    ])
  })

  it('are told with what became of their reactions to those who may read every event', async () => {
    await expect(open({ ...NO_GRANTS, read: ['x/**'] }).context.rules.list()).rejects.toMatchObject({
      message: expect.stringContaining("'ann' may not read reactions"),
    })
    const all = [{ rule: 'a', states: {}, suppressed: {} }]
    expect(await open({ ...NO_GRANTS, read: ['**'] }).context.rules.list()).toEqual({ counts: all })
    expect(await open(undefined).context.rules.list()).toEqual({ counts: all })
  })
})
