import { headers as createHeaders, type NatsConnection } from '@nats-io/transport-node'
import { Command } from 'commander'
import { afterEach, expect, it, vi } from 'vitest'
import { command } from '../../src/cli/commands/run.ts'
import { useConnection } from '../helpers/connected.ts'

const shared = useConnection()
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = 0
})

/** What `reactor run` prints of an answer, and its exit code. */
async function run(nc: NatsConnection, answer: unknown, failed: boolean, ...options: string[]) {
  const headers = createHeaders()
  if (failed) headers.set('Reactor-Failed', 'true')
  const answers = nc.subscribe('own.runner.its.own', {
    callback: (_error, message) => void message.respond(JSON.stringify(answer), { headers }),
  })
  await nc.flush()
  const written: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation(text => written.push(String(text)) > 0)
  const program = new Command('reactor').exitOverride()
  command(program)
  const way = ['--server', shared.server.url, '--namespace', 'own']
  await program.parseAsync(['run', 'its.own', ...way, ...options], { from: 'user' })
  answers.unsubscribe()
  return { text: written.join(''), code: process.exitCode }
}

const STATE = { name: 'x', result: false, changes: {}, comment: 'no', __run_num__: 0, start_time: '', duration: 1 }

it('a runner that has failed and has a return prints it, and ends with 1', async () => {
  expect(await run(shared.nc, { _errors: ['no'] }, true)).toEqual({ text: '_errors:\n    - no\n', code: 1 })
  expect(await run(shared.nc, { a: 1 }, false)).toEqual({ text: 'a:\n    1\n', code: 0 })
})

it('returns of a job that is looked up are shown as state runs where they are such', async () => {
  const returns = { web1: { 'test_|-x_|-x_|-nop': STATE } }
  expect((await run(shared.nc, returns, false)).text).toContain('Summary for web1')
  expect(JSON.parse((await run(shared.nc, returns, false, '--json')).text)).toEqual(returns)
  const { text } = await run(shared.nc, { ...returns, web2: 'gone' }, false)
  expect(text).toContain('Summary for web1')
  expect(text).toContain('web2:\n    gone\n')
})
