import { beforeAll, describe, expect, it } from 'vitest'
import { loadFunctions } from '../../src/functions/load.ts'
import type { FunctionCall } from '../../src/jobs/run-function.ts'
import { runnerSchedule } from '../../src/jobs/runner-schedule.ts'
import { createLookUp, type LookUpParts } from '../../src/jobs/schedule-functions.ts'
import { ALL_GRANTS, type Grants, NO_GRANTS } from '../../src/protocol/role.ts'

const known = new Map(['web1', 'web2', 'db1'].map(id => [id, { id, grains: {} }]))
const FLEET = { minion: (id: string) => known.get(id), targets: { nodegroups: {}, pillar: false } as const }
const GRANTS: Grants = {
  ...NO_GRANTS,
  local: [{ funs: ['test.*'] }, { tgt: 'web*', funs: ['service.*', 'saltutil.cmd'] }],
  runner: ['schedule.*', 'event.send'],
  wheel: ['key.list'],
}

let registries: LookUpParts['registries']
beforeAll(async () => {
  registries = { runner: await loadFunctions('runner'), wheel: await loadFunctions('wheel') }
})

/** `wheels`: what the master says that it has. */
function open(
  item?: Record<string, unknown>,
  grants: Grants | null = GRANTS,
  wheels: () => readonly string[] = () => [...registries.wheel.names(), 'own.fn'],
) {
  const asked: unknown[][] = []
  const ask = async (...words: unknown[]) => {
    if (words[0] === 'item') return item ?? null
    asked.push(words)
    return 'answered'
  }
  const call = { user: 'ada', ...(grants ? { grants: () => grants } : {}) } as unknown as FunctionCall
  const lookUp = createLookUp({
    registries,
    listWheels: async () => wheels(),
    minionFunctions: async () => ['test.ping', 'cmd.run'],
  })
  return { schedule: runnerSchedule(ask, call, FLEET, lookUp), asked }
}

const EVERY = { seconds: 5 }

describe('who schedules a function', () => {
  it.each<[string, Record<string, unknown>]>([
    ['a runner function that they may call', { function: 'event.send', args: ['a/b'] }],
    ['a wheel function that they may call', { function: 'wheel.key.list', args: ['all'] }],
    ['on all minions what they may call on all', { function: 'local.test.ping', tgt: '*' }],
    [
      'on any target what they may call on all',
      { function: 'local.test.ping', tgt: 'G@os:Debian', tgt_type: 'compound' },
    ],
    ['on the very target that is granted', { function: 'local.service.restart', tgt: 'web*', args: ['x'] }],
    ['on ids that are named, each of them granted', { function: 'local.service.restart', tgt: ['web1', 'web2'] }],
  ])('may have %s run later', async (_what, item) => {
    const { schedule, asked } = open()
    await schedule.ask('add', 'e', { ...item, ...EVERY })
    expect(asked).toEqual([['add', 'e', { ...item, ...EVERY }]])
  })

  it.each([
    ...['state.orchestrate', 'state.orch', 'state.sls', 'state.orchestrate_show_sls'],
    'state.orchestrate_single',
  ])('may have %s run later only where they may everything, for its steps are held to nothing then', async fun => {
    const item = { function: fun, args: ['a', 'b'], ...EVERY }
    const runner = [...GRANTS.runner, 'state.*']
    await expect(open(undefined, { ...GRANTS, runner }).schedule.ask('add', 'e', item)).rejects.toMatchObject({
      ...{ code: 'forbidden', message: expect.stringContaining('right to all functions') },
    })
    const all = { ...GRANTS, runner: ['*'], wheel: ['*'], local: [{ tgt: '*', funs: ['*'] }] }
    const { schedule, asked } = open(undefined, all)
    await schedule.ask('add', 'e', item)
    expect(asked).toHaveLength(1)
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['a runner function', { function: 'http.query' }, "grants runner 'http.query'"],
    ['a runner function written in full', { function: 'runner.http.query' }, "grants runner 'http.query'"],
    ['a wheel function', { function: 'wheel.user.add' }, "grants wheel 'user.add'"],
    ['a function on a minion', { function: 'local.service.restart', tgt: 'db1' }, 'on db1'],
    ['one of several minions', { function: 'local.service.restart', tgt: ['web1', 'db1'] }, 'on db1'],
    [
      'a target that means only theirs today',
      { function: 'local.service.restart', tgt: 'web[12]' },
      'may come to mean',
    ],
    ['a returner', { function: 'local.service.restart', tgt: 'web*', returner: 'mysql' }, "grants 'returner.mysql'"],
    [
      'what a function merely wraps',
      { function: 'local.saltutil.cmd', tgt: 'web*', args: ['db1', 'cmd.run', ['id']] },
      "grants 'cmd.run'",
    ],
  ])('may not have %s run that they may not call', async (_what, item, why) => {
    const { schedule, asked } = open()
    const adding = schedule.ask('add', 'e', { ...item, ...EVERY })
    await expect(adding).rejects.toMatchObject({ code: 'forbidden', message: expect.stringContaining(why) })
    expect(asked).toEqual([])
  })

  it.each([
    ['modify', ['e', { seconds: 9 }]],
    ['enable_job', ['e']],
    ['run_job', ['e']],
    ['postpone_job', ['e', 'a', 'b']],
  ] as const)('may not %s an entry of another that runs it', async (operation, args) => {
    const { schedule, asked } = open({ function: 'http.query', ...EVERY })
    await expect(schedule.ask(operation, ...args)).rejects.toMatchObject({ code: 'forbidden' })
    expect(asked).toEqual([])
  })

  it('changes an entry as a whole, so that it is what was looked at', async () => {
    const { schedule, asked } = open({ function: 'event.send', args: ['a'], ...EVERY })
    await schedule.ask('modify', 'e', { args: ['b'] }, { test: false })
    expect(asked).toEqual([['modify', 'e', { function: 'event.send', args: ['b'], ...EVERY }, { test: false }]])
  })

  it.each<[string, Record<string, unknown>, string]>([
    [
      'a runner function',
      { function: 'event.snd' },
      "there is no runner function 'event.snd'. Did you mean 'event.send'?",
    ],
    ['a wheel function', { function: 'wheel.nosuch.fn' }, "there is no wheel function 'nosuch.fn'."],
    [
      'a function of minions without a target',
      { function: 'test.ping' },
      "there is no runner function 'test.ping'. Did you mean 'local.test.ping' with tgt?",
    ],
    [
      'a wheel function as a runner function',
      { function: 'key.list' },
      "there is no runner function 'key.list'. Did you mean 'wheel.key.list'?",
    ],
  ])('may not have %s run that is not there', async (_what, item, message) => {
    for (const grants of [null, ALL_GRANTS])
      for (const operation of ['add', 'modify'] as const) {
        const { schedule, asked } = open({ function: 'event.send', ...EVERY }, grants)
        const asking = schedule.ask(operation, 'e', { ...item, ...EVERY })
        await expect(asking).rejects.toMatchObject({ code: 'unknown_function', message })
        expect(asked).toEqual([])
      }
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['an unknown argument', { kwargs: { tagg: 'a/b' } }, "event.send has no argument 'tagg'. Did you mean 'tag'?"],
    ['an argument too few', { kwargs: {} }, "event.send needs the argument 'tag' (string)"],
    ['arguments too many', { function: 'wheel.key.list', args: ['all', 2] }, 'key.list takes at most'],
    ['one of another type', { kwargs: { tag: ['a/b'] } }, "event.send argument 'tag': "],
  ])('may not have a function run with %s', async (_what, item, message) => {
    const before = { function: 'event.send', kwargs: { tag: 'a/b' }, ...EVERY }
    for (const operation of ['add', 'modify'] as const) {
      const { schedule, asked } = open(before, null)
      const asking = schedule.ask(operation, 'e', { function: 'event.send', ...item, ...EVERY })
      await expect(asking).rejects.toMatchObject({ code: 'bad_argument', message: expect.stringContaining(message) })
      expect(asked).toEqual([])
    }
    const { schedule } = open(before, null)
    if (item.kwargs) await expect(schedule.ask('modify', 'e', item)).rejects.toThrow(message)
  })

  it('learns nothing of a function that they may not call', async () => {
    const { schedule } = open()
    const adding = schedule.ask('add', 'e', { function: 'nosuch.fn', ...EVERY })
    await expect(adding).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('may change the times of an entry whose function is gone, and add what nobody can look up now', async () => {
    const { schedule, asked } = open({ function: 'gone.fn', ...EVERY }, null)
    await schedule.ask('modify', 'e', { seconds: 9 })
    await schedule.ask('add', 'f', { function: 'local.own.fn', tgt: '*', ...EVERY })
    const without = open(undefined, null, () => {
      throw new Error('the master does not answer')
    })
    await without.schedule.ask('add', 'g', { function: 'wheel.own.fn', ...EVERY })
    expect([asked.length, without.asked.length]).toEqual([2, 1])
  })

  it('takes it away, disables it and looks at it, whatever it runs', async () => {
    const { schedule, asked } = open({ function: 'http.query', ...EVERY })
    for (const operation of ['delete', 'disable_job', 'skip_job', 'status'] as const) await schedule.ask(operation, 'e')
    expect(asked).toHaveLength(4)
  })

  it('changes nothing without the right to the function that changes it, whichever function asks', async () => {
    const { schedule, asked } = open(
      { function: 'event.send', ...EVERY },
      { ...GRANTS, runner: ['event.send', 'own.fun'] },
    )
    await expect(schedule.ask('delete', 'e')).rejects.toThrow("no role of theirs grants runner 'schedule.delete'")
    await schedule.ask('coming', 5)
    expect(asked).toEqual([['coming', 5]])
  })

  it('is the program itself, and may everything', async () => {
    const { schedule } = open({ function: 'http.query', ...EVERY }, null)
    expect(await schedule.ask('run_job', 'e')).toBe('answered')
  })
})
