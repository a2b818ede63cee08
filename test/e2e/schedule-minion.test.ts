// The schedule of a real minion: the walk of the first seed, the link away, the minion killed, and what was missed.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { openScheduleFile } from '../../src/minion/schedule-file.ts'
import type { Event } from '../../src/protocol/event.ts'
import { untilTaken } from '../helpers/wait.ts'
import { job, startAll } from './lone-minion.ts'
import { startReactor } from './reactor.ts'

const HOUR = 3_600_000
const LISTED = `web1:
    schedule:
      job3:
        args:
        - resource
        enabled: true
        function: test.arg
        jid_include: true
        maxrunning: 1
        name: job3
        saved: true
        seconds: 2
`

it('is made, shown, disabled, enabled, run by force and purged by calls, and its returns are in the job cache', async () => {
  const reactor = await startReactor({
    args: ['--id', 'web1'],
    config: {
      schedule: { tick: { function: 'runner.test.arg', hours: 1 } },
      minion: { schedule: { beat: { function: 'test.ping', hours: 1 } } },
    },
  })
  onTestFinished(() => reactor.clean())
  const call = async (...words: string[]) => {
    const { stdout } = await reactor.run('call', 'web1', '--json', ...words)
    return JSON.parse(stdout).web1 as unknown
  }
  // Of one config for all processes each has its own.
  expect(Object.keys((await call('schedule.list', 'return_yaml=False')) as object)).toEqual(['beat'])
  await call('schedule.purge')

  const add = ['schedule.add', 'job3', 'function=test.arg', "job_args=['resource']", 'seconds=2']
  expect((await reactor.run('call', 'web1', ...add)).stdout).toBe(
    `web1:\n    ----------\n    changes:\n        ----------\n        job3:\n            added\n    comment:\n        Added job: job3 to schedule.\n    result:\n        True\n`,
  )
  const again = await reactor.run('call', 'web1', ...add)
  expect([again.code, again.stdout]).toEqual([1, expect.stringContaining('Job job3 already exists in schedule.')])
  expect((await reactor.run('call', 'web1', 'schedule.list')).stdout).toBe(LISTED)

  const runs = () =>
    reactor.lines.items.filter(({ tag, data }) => tag.endsWith('/ret/web1') && data.schedule === 'job3')
  await reactor.lines.find(() => runs().length >= 2, 'two runs')
  const [first] = runs()
  expect(first!.data).toMatchObject({
    ...{ fun: 'test.arg', fun_args: ['resource'], arg: ['resource'], tgt: 'web1', tgt_type: 'glob', success: true },
  })
  const jid = String(first!.data.jid)
  const shown = await untilTaken('the job', async () => {
    const { code, stdout } = await reactor.run('jobs', 'show', jid, '--json')
    expect(code).toBe(0)
    return JSON.parse(stdout)
  })
  expect(JSON.stringify(shown)).toContain('"schedule":"job3"')
  expect((await reactor.run('jobs', 'list', '--function', 'test.arg')).stdout).toContain(jid)

  expect(await call('schedule.disable_job', 'job3')).toMatchObject({ changes: { job3: 'disabled' } })
  // From there on none runs by itself.
  await reactor.lines.find(
    ({ tag, data }) => tag === 'salt/minion/web1/schedule/job3/skip' && data.reason === 'disabled',
    'a skipped slot',
  )
  // The jids of runs of one second are in no order.
  const anotherRun = async (what: string, work: () => Promise<unknown>) => {
    const before = new Set(runs().map(({ data }) => data.jid))
    await work()
    await reactor.lines.find(() => runs().some(({ data }) => !before.has(data.jid)), what)
  }
  expect(await call('schedule.run_job', 'job3')).toMatchObject({ result: false })
  await anotherRun('the run by force', async () =>
    expect(await call('schedule.run_job', 'job3', 'force=True')).toMatchObject({ result: true }),
  )
  await anotherRun('a run after it was enabled', () => call('schedule.enable_job', 'job3'))

  expect(await call('schedule.purge')).toMatchObject({ changes: { job3: 'removed' } })
  expect(await call('schedule.list')).toBe('schedule: {}\n')
}, 120_000)

it('goes on while the link is down and over the death of the minion, and each run returns once', async () => {
  const { server, startMinion, killMinion, send, onDisk, events } = await startAll()
  await startMinion()
  const add = job('schedule.add', ['beat'], { function: 'test.ping', seconds: 1 })
  expect(await send(add)).toEqual({ accepted: true })
  const runs = () => events.items.filter(({ data }) => data.schedule === 'beat')
  await events.find(() => runs().length >= 1, 'a run')
  await server.end('SIGKILL')
  const waiting = async () => [
    ...new Set(
      (await onDisk())
        .split('\n')
        .filter(line => line.includes('"state":"returned"') && line.includes('"schedule":"beat"'))
        .map(line => String(JSON.parse(line).k)),
    ),
  ]
  const there = runs().length
  await expect.poll(async () => (await waiting()).length).toBeGreaterThanOrEqual(there + 3)
  const made = await waiting()
  await killMinion()
  await server.start()
  await startMinion()
  const jids = () => runs().map(({ data }) => String(data.jid))
  await events.find(() => made.every(jid => jids().includes(jid)), 'the runs without a link')
  await events.find(() => jids().some(jid => jid > made.at(-1)!), 'a run after the restart')
  expect(new Set(jids()).size).toBe(jids().length)
}, 120_000)

it('catches up after its restart as each entry says, and says what it has skipped', async () => {
  const entry = (catch_up: string) => ({ function: 'test.ping', hours: 1, catch_up })
  const names = ['none', 'last', 'all']
  const { dir, startMinion, killMinion, events } = await startAll({
    schedule: Object.fromEntries(names.map(name => [name, entry(name)])),
  })
  await startMinion()
  const path = join(dir, 'schedule.jsonl')
  await untilTaken('what is kept', async () => {
    const text = await readFile(path, 'utf8')
    for (const name of names) expect(text).toContain(`"kept/${name}"`)
  })
  await killMinion()
  // It was last seen three slots and a half ago.
  const file = await openScheduleFile(path, silentLog)
  const since = Math.floor(Date.now() / 1000) * 1000 - 3.5 * HOUR
  for (const [name, kept] of file.kept) await file.keep(name, { ...kept, since, last: since })
  await file.close()
  await startMinion()
  const skipOf = (name: string) => (event: Event) => event.tag === `salt/minion/web1/schedule/${name}/skip`
  expect((await events.find(skipOf('none'), 'the skipped ones')).data).toMatchObject({ reason: 'missed', count: 3 })
  expect((await events.find(skipOf('last'), 'the skipped ones')).data).toMatchObject({ reason: 'missed', count: 2 })
  const runs = (name: string) => events.items.filter(({ data }) => data.schedule === name)
  await events.find(() => runs('last').length === 1 && runs('all').length === 3, 'the runs')
  expect(runs('none')).toEqual([])
  const second = (slot: number) => new Date(since + slot * HOUR).toISOString().replace(/\D/g, '').slice(0, 14)
  expect(runs('last').map(({ data }) => String(data.jid).slice(0, 14))).toEqual([second(3)])
  expect(
    runs('all')
      .map(({ data }) => String(data.jid).slice(0, 14))
      .sort(),
  ).toEqual([second(1), second(2), second(3)])
}, 120_000)
