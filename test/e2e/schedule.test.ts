import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { createSeen } from '../helpers/wait.ts'
import { MAIN, startReactor } from './reactor.ts'

it('runs each due slot of the schedule once, with two schedule workers', async () => {
  const reactor = await startReactor({
    args: ['--id', 'web1'],
    config: {
      schedule: {
        tick: { function: 'runner.event.send', args: ['tick/tock'], seconds: 1 },
        ping: { function: 'local.test.ping', tgt: '*', seconds: 1 },
      },
    },
  })
  onTestFinished(() => reactor.clean())
  const folder = join(reactor.dir, 'var')
  const second = spawn(
    process.execPath,
    [
      MAIN,
      'worker',
      'schedule',
      '--config',
      join(folder, 'run/config.json'),
      '--seed',
      join(folder, 'keys/schedule.nk'),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  onTestFinished(() => void second.kill())
  const said = createSeen<string>()
  createInterface(second.stderr).on('line', line => said.push(line))
  await said.find(line => line.includes('ready'), 'the second worker')

  const before = reactor.lines.items.length
  const since = () => reactor.lines.items.slice(before)
  const count = (fits: (line: { tag: string; data: Record<string, unknown> }) => boolean) => since().filter(fits).length
  await reactor.lines.find(
    () =>
      count(({ tag }) => tag === 'tick/tock') >= 4 &&
      count(({ data }) => data.fun === 'test.ping' && data.return === true) >= 3,
    'four ticks',
  )
  const ticks = since().filter(({ tag }) => tag === 'tick/tock')
  const seconds = ticks.map(({ stamp }) => Math.round(Date.parse(`${stamp}Z`) / 1000))
  expect(new Set(seconds).size).toBe(ticks.length)
  const started = since().find(({ tag, data }) => /^salt\/run\/\d+\/new$/.test(tag) && data.fun === 'runner.event.send')
  expect(started?.data.user).toBe('schedule:tick')
})

it('says in one sentence why it refuses an entry, such as one whose function is not there', async () => {
  const reactor = await startReactor({ args: ['--id', 'web1'] })
  onTestFinished(() => reactor.clean())
  const add = async (...words: string[]) => {
    const { code, stderr } = await reactor.run('schedule', 'add', 'e', ...words)
    return [code, stderr]
  }
  expect(await add('local.test.ping', '--every', 'xyz', '--tgt', '*')).toEqual([
    1,
    "reactor: 'xyz' is not a duration: write for example 500ms, 30s, 5m, 2h or 1d\n",
  ])
  expect(await add('runner.test.agr', '--every', '5m')).toEqual([
    1,
    "reactor: there is no runner function 'test.agr'. Did you mean 'test.arg'?\n",
  ])
  expect(await add('wheel.key.lits', '--every', '5m')).toEqual([
    1,
    "reactor: there is no wheel function 'key.lits'. Did you mean 'key.list'?\n",
  ])
  expect(await add('test.ping', '--every', '5m')).toEqual([
    1,
    "reactor: there is no runner function 'test.ping'. Did you mean 'local.test.ping' with tgt?\n",
  ])
  expect(await add('runner.event.send', '--every', '5s', 'tagg=a/b')).toEqual([
    1,
    "reactor: event.send has no argument 'tagg'. Did you mean 'tag'?\n",
  ])
  expect(await add('wheel.key.list', 'all', '--every', '5m')).toEqual([0, ''])
  const postponed = await reactor.run('schedule', 'postpone', 'e', '2020-01-01 10:00')
  expect(postponed).toMatchObject({ code: 1, stderr: expect.stringContaining("'2020-01-01 10:00' is past") })
  const once = ['runner.event.send', '--once', '2020-01-01T00:00:00', 'tag=a/b']
  expect(await reactor.run('schedule', 'add', 'past', ...once)).toMatchObject({
    code: 0,
    stdout: 'Added job: past to schedule. Its time is past: it will not run.\n',
  })
  expect((await reactor.run('schedule', 'list')).stdout).toMatch(/^past .* over\s*$/m)
})

it('refuses an entry of the config whose function is not there, and goes on with the others', async () => {
  const reactor = await startReactor({
    args: ['--id', 'web1'],
    config: {
      schedule: {
        ping: { function: 'test.ping', seconds: 1 },
        tick: { function: 'runner.event.send', args: ['tick/tock'], seconds: 1 },
      },
    },
  })
  onTestFinished(() => reactor.clean())
  await reactor.lines.find(({ tag }) => tag === 'tick/tock', 'a tick')
  const { stdout } = await reactor.run('schedule', 'list')
  expect(stdout).toContain(
    "ping is refused: there is no runner function 'test.ping'. Did you mean 'local.test.ping' with tgt?",
  )
})
