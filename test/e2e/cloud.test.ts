// A machine from nothing to its first job and back, by the example that ships: the runner makes it, a rule accepts its key and has it
// work, and nothing of it is left in the end.
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { isRunning, processStart } from '../../src/base/process-start.ts'
import * as catalogue from '../../src/protocol/catalogue/cloud.ts'
import { problemOf } from '../../src/protocol/catalogue/define.ts'
import { untilTaken } from '../helpers/wait.ts'
import { MAIN, ROOT, type Running, startReactor } from './reactor.ts'

const EXAMPLE = join(ROOT, 'deploy/examples/cloud')
const STAGES = ['creating', 'requesting', 'querying', 'waiting_for_ssh', 'deploying', 'created']

let reactor: Running
beforeAll(async () => {
  const config = parse(await readFile(join(EXAMPLE, 'config.yaml'), 'utf8'))
  reactor = await startReactor({ args: ['--id', 'web1'], rules: join(EXAMPLE, 'rules'), config })
})
afterAll(() => reactor?.clean())

async function run(...words: string[]) {
  const { code, stdout, stderr } = await reactor.run(...words, '--json')
  return { code, stderr, value: stdout === '' ? undefined : JSON.parse(stdout) }
}
const tagged = (tag: string) => reactor.lines.find(line => line.tag === tag, tag)
const ofMachine = (name: string) => reactor.lines.items.filter(({ tag }) => tag.startsWith(`salt/cloud/${name}/`))

describe('a machine', () => {
  it('is made, let in by its key, at work, and taken away with all that was of it', async () => {
    expect(await reactor.run('check', join(EXAMPLE, 'rules'))).toMatchObject({ code: 0, stderr: '' })
    expect((await run('run', 'cloud.list_providers')).value).toEqual({ local: { process: {} } })
    const made = await run('run', 'cloud.profile', 'small', 'vm1')
    expect(made).toMatchObject({
      code: 0,
      value: { vm1: { name: 'vm1', deployed: true, state: 'running', size: '96', private_ips: ['127.0.0.1'] } },
    })
    expect(made.value.vm1.minion_pid).toBeGreaterThan(1)
    const created = await tagged('salt/cloud/vm1/created')
    const { id, public_key } = made.value.vm1
    expect(created).toMatchObject({
      origin: '_jobs',
      data: { name: 'vm1', provider: 'local', driver: 'process', profile: 'small', instance_id: id, public_key },
    })

    const ret = await reactor.lines.find(
      ({ tag, data }) => /^salt\/job\/\d+\/ret\/vm1$/.test(tag) && data.fun === 'test.echo',
      'the return of its first job',
    )
    expect(ret.data).toMatchObject({ success: true, return: 'vm1 is in' })
    expect((await run('key', 'list')).value).toMatchObject({ minions: ['vm1', 'web1'] })
    expect((await run('key', 'print', 'vm1')).value).toEqual({ minions: { vm1: public_key } })
    expect((await run('call', 'vm1', 'grains.item', 'role')).value).toEqual({ vm1: { role: 'web' } })

    const { value: full } = await run('run', 'cloud.full_query')
    const { pid, minion_pid } = full.local.process.vm1
    const there = [pid, minion_pid].map(one => ({ pid: one, start: processStart(one) }))
    const running = () => there.map(({ pid, start }) => isRunning(pid, start))
    expect(running()).toEqual([true, true])

    const twice = await run('run', 'cloud.profile', 'small', 'vm1')
    const already = { Error: "there is a machine 'vm1' already, at the provider 'local'" }
    expect(twice).toMatchObject({ code: 1, value: { vm1: already } })

    process.kill(reactor.ready.processes.jobs!, 'SIGKILL')
    await untilTaken('a job worker that has the machine', async () => {
      const { code, value } = await run('run', 'cloud.query')
      if (code !== 0) throw new Error('no job worker yet')
      expect(value).toMatchObject({ local: { process: { vm1: { id, state: 'running' } } } })
    })
    expect(running()).toEqual([true, true])

    const destroyed = await run('run', 'cloud.destroy', 'vm1')
    expect(destroyed.value).toEqual({
      local: { process: { vm1: { instance_id: id, previousState: 'running', currentState: 'terminated' } } },
    })
    await tagged('salt/cloud/vm1/destroyed')
    await reactor.lines.find(({ tag, data }) => tag === 'salt/key' && data.act === 'delete', 'the end of its key')
    expect(running()).toEqual([false, false])
    expect((await run('key', 'list')).value).toMatchObject({ minions: ['web1'], minions_pre: [] })
    expect((await run('run', 'cloud.query')).value).toEqual({ local: { process: {} } })
    expect((await run('run', 'cloud.destroy', 'vm1')).code).toBe(1)

    expect(ofMachine('vm1').map(({ tag }) => tag.split('/')[3])).toEqual([...STAGES, 'destroying', 'destroyed'])
    const definitions = Object.values(catalogue)
    for (const { tag, data } of ofMachine('vm1')) {
      const { _stamp, ...own } = data
      const definition = definitions.find(one => one.matches(tag))!
      expect([tag, problemOf(definition, own)]).toEqual([tag, undefined])
    }
  })

  it('is not made where a stranger came first under its name, who is not let in and not touched', async () => {
    const where = ['--id', 'vm2', '--dir', join(reactor.dir, 'stranger'), '--server', reactor.ready.server]
    const stranger = spawn(process.execPath, [MAIN, 'minion', ...where], { stdio: 'ignore' })
    onTestFinished(() => void stranger.kill('SIGKILL'))
    const first = await reactor.lines.find(({ tag, data }) => tag === 'salt/auth' && data.id === 'vm2', 'the stranger')
    const { code, value } = await run('run', 'cloud.profile', 'small', 'vm2')
    expect(code).toBe(1)
    expect(value.vm2).toEqual({ Error: expect.stringContaining('its key was denied'), stage: 'deploying' })
    const end = await tagged('salt/cloud/vm2/destroyed')
    expect(end.data.public_key).not.toBe(first.data.pub)
    await reactor.lines.find(
      ({ tag, data }) => tag === 'salt/key' && data.act === 'delete' && data.id === 'vm2',
      'the end of the denied key',
    )
    expect((await run('key', 'print', 'vm2')).value).toEqual({ minions_pre: { vm2: first.data.pub } })
    expect(ofMachine('vm2').map(({ tag }) => tag.split('/')[3])).not.toContain('created')
    expect((await run('run', 'cloud.query')).value).toEqual({ local: { process: {} } })
  })

  it('is not made under the name of a minion that there is', async () => {
    const refused = { Error: expect.stringContaining("there is a minion 'web1' already") }
    expect(await run('run', 'cloud.create', 'local', 'web1')).toMatchObject({ code: 1, value: { web1: refused } })
    expect(ofMachine('web1')).toEqual([])
  })
})
