import { describe, expect, it } from 'vitest'
import type { Gathered, PublishRequest } from '../../src/functions/context.ts'
import type { ExecutionContext, MinionJobs, RunningJob } from '../../src/functions/minion-context.ts'
import type { JobReturn } from '../../src/protocol/job.ts'
import { caller } from './call.ts'

const OWN = '20260101000000000000'
const SLEEP = '20261120091843644180'
const INSIDE = '20261120091855732772'
const WAITS = '20261120091899999999'
const NOBODY = '20200101000000000000'

const runningJob = (jid: string, fun: string, pid: number, arg: unknown[] = []): RunningJob => ({
  jid,
  fun,
  arg,
  tgt: '*',
  tgt_type: 'glob',
  user: 'root',
  ret: '',
  pid,
})
const sleep = runningJob(SLEEP, 'cmd.run', 20440, ['sleep 30'])
const inside = runningJob(INSIDE, 'test.sleep', 77)

/** A minion on which a command, a job without a process and the caller run, and one waits. */
function minion() {
  const signals: [string, number][] = []
  const jobs: MinionJobs = {
    running: () => [sleep, runningJob(OWN, 'saltutil.running', 77), inside],
    signal(jid, number) {
      signals.push([jid, number])
      if (jid === SLEEP) return [20440, 20441]
      return jid === INSIDE || jid === WAITS ? [] : undefined
    },
    cached: async jid => (jid === SLEEP ? ({ jid, return: 'x' } as JobReturn) : undefined),
  }
  return { ...caller('execution', { jid: OWN, jobs }), signals }
}

describe('saltutil shows the jobs that run', () => {
  it('all of them but itself, with the fields of Salt', async () => {
    const { call } = minion()
    expect(await call('saltutil.running')).toEqual([sleep, inside])
    expect(await call('saltutil.running')).toContainEqual({
      jid: SLEEP,
      fun: 'cmd.run',
      arg: ['sleep 30'],
      tgt: '*',
      tgt_type: 'glob',
      user: 'root',
      ret: '',
      pid: 20440,
    })
  })

  it('one by its jid, and an empty map for one that does not run', async () => {
    const { call } = minion()
    expect(await call('saltutil.find_job', [SLEEP])).toEqual(sleep)
    expect(await call('saltutil.find_job', [NOBODY])).toEqual({})
  })

  it('those of a function or a glob of it', async () => {
    const { call } = minion()
    expect(await call('saltutil.is_running', ['cmd.run'])).toEqual([sleep])
    expect(await call('saltutil.is_running', ['*'])).toEqual([sleep, inside])
    expect(await call('saltutil.is_running', ['state.*'])).toEqual([])
  })
})

describe('saltutil signals jobs', () => {
  it.each([
    ['signal_job', [SLEEP, 10], `Signal 10 sent to job ${SLEEP} at pid 20440, 20441`, [[SLEEP, 10]]],
    ['signal_job', [SLEEP, 'usr1'], `Signal 10 sent to job ${SLEEP} at pid 20440, 20441`, [[SLEEP, 10]]],
    ['term_job', [SLEEP], `Signal 15 sent to job ${SLEEP} at pid 20440, 20441`, [[SLEEP, 15]]],
    ['kill_job', [SLEEP], `Signal 9 sent to job ${SLEEP} at pid 20440, 20441`, [[SLEEP, 9]]],
    ['kill_job', [INSIDE], `Signal 9 sent to job ${INSIDE} at pid 77`, [[INSIDE, 9]]],
    ['kill_job', [WAITS], `Signal 9 sent to job ${WAITS} at its place in the line: it had not started`, [[WAITS, 9]]],
    ['kill_job', [NOBODY], '', [[NOBODY, 9]]],
    ['signal_job', [NOBODY, 10], '', [[NOBODY, 10]]],
  ])("%s %j says '%s'", async (name, args, words, sent) => {
    const { call, signals } = minion()
    expect(await call(`saltutil.${name}`, args)).toBe(words)
    expect(signals).toEqual(sent)
  })

  it.each([
    ['term_all_jobs', 15],
    ['kill_all_jobs', 9],
  ])('%s reaches all but itself', async (name, number) => {
    const { call, signals } = minion()
    expect(await call(`saltutil.${name}`)).toEqual([
      `Signal ${number} sent to job ${SLEEP} at pid 20440, 20441`,
      `Signal ${number} sent to job ${INSIDE} at pid 77`,
    ])
    expect(signals).toEqual([
      [SLEEP, number],
      [INSIDE, number],
    ])
  })

  it('but says that no signal reaches a job without a process, unless it ends it', async () => {
    const { call } = minion()
    await expect(call('saltutil.signal_job', [INSIDE, 10])).rejects.toThrow('no process of its own')
  })

  it.each([
    ['saltutil.kill_job', ['1'], 'a jid has 20 digits'],
    ['saltutil.signal_job', [SLEEP, 65], "'65' is not a signal"],
    ['saltutil.signal_job', [SLEEP, -1], "'-1' is not a signal"],
    ['saltutil.signal_job', [SLEEP, 'BLA'], "'BLA' is not a signal"],
    ['saltutil.signal_job', [SLEEP], "needs the argument 'sig'"],
    ['saltutil.find_cached_job', [], "needs the argument 'jid'"],
  ])('and refuses %s %j', async (name, args, why) => {
    const { call, signals } = minion()
    await expect(call(name, args)).rejects.toThrow(why)
    expect(signals).toEqual([])
  })
})

it('saltutil.find_cached_job returns what the minion remembers, and fails in words where it does not', async () => {
  const { call, recorded } = minion()
  expect(await call('saltutil.find_cached_job', [SLEEP])).toEqual({ jid: SLEEP, return: 'x' })
  expect(recorded.retcode).toBeUndefined()
  expect(await call('saltutil.find_cached_job', [NOBODY])).toContain(`job ${NOBODY} is not in this minion's cache`)
  expect(recorded.retcode).toBe(1)
})

it('saltutil.refresh_grains is true once they are stored and the pillar is made of them, and fails where they are not', async () => {
  const did: string[] = []
  const pillar = { refresh: async () => void did.push('pillar') } as unknown as ExecutionContext['pillar']
  const { call } = caller('execution', { refreshGrains: async () => void did.push('grains'), pillar })
  expect(await call('saltutil.refresh_grains')).toBe(true)
  expect(await call('saltutil.refresh_grains', [], { refresh_pillar: false })).toBe(true)
  expect(did).toEqual(['grains', 'pillar', 'grains'])
  const failing = caller('execution', { refreshGrains: async () => Promise.reject(new Error('nobody answers')) })
  await expect(failing.call('saltutil.refresh_grains')).rejects.toThrow('nobody answers')
})

describe('saltutil.cmd', () => {
  const asking = (returns: Record<string, Partial<JobReturn>>) => {
    const asked: (PublishRequest & { timeoutMs: number })[] = []
    const peer = async (request: PublishRequest & { timeoutMs: number }) => {
      asked.push(request)
      return { jid: SLEEP, minions: Object.keys(returns), returns } as unknown as Gathered
    }
    return { ...caller('execution', { peer }), asked }
  }

  it('asks other minions and returns what each returned', async () => {
    const { call, recorded, asked } = asking({ db1: { return: true, retcode: 0, success: true } })
    expect(await call('saltutil.cmd', ['db*', 'test.ping'], { timeout: '10s' })).toEqual({
      db1: { ret: true, retcode: 0, jid: SLEEP },
    })
    expect(recorded.retcode).toBeUndefined()
    expect(asked).toEqual([{ tgt: 'db*', fun: 'test.ping', arg: [], kwarg: {}, tgt_type: 'glob', timeoutMs: 10_000 }])
  })

  it('takes arguments in the order of Salt, a list as a list of ids, and a subset', async () => {
    const { call, asked } = asking({})
    await call('saltutil.cmd', [['a', 'b'], 'test.arg', [1], 5, 'glob', '', { k: 'v' }, 1])
    expect(asked).toEqual([
      { tgt: ['a', 'b'], fun: 'test.arg', arg: [1], kwarg: { k: 'v' }, tgt_type: 'list', timeoutMs: 5000, subset: 1 },
    ])
  })

  it('names the returners that take the returns besides, with their settings', async () => {
    const { call, asked } = asking({})
    await call('saltutil.cmd', ['db*', 'test.ping'], { ret: 'mysql', ret_config: 'other', ret_kwargs: { db: 'x' } })
    expect(asked).toMatchObject([{ ret: 'mysql', ret_config: 'other', ret_kwargs: { db: 'x' } }])
  })

  it('fails where some minion failed', async () => {
    const { call, recorded } = asking({ db1: { return: 'no disk', retcode: 3, success: false } })
    expect(await call('saltutil.cmd', ['db*', 'test.fail'])).toEqual({
      db1: { ret: 'no disk', retcode: 3, jid: SLEEP },
    })
    expect(recorded.retcode).toBe(1)
  })
})
