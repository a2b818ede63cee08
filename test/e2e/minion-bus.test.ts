// The minion's own bus: heard by `reactor tail --node minion`, with and without a server, over restarts of the minion.
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { createSeen } from '../helpers/wait.ts'
import { command, MAIN, type Running, type SeenLine, startReactor } from './reactor.ts'

let reactor: Running
let rules: string
beforeAll(async () => {
  rules = await mkdtemp(join(tmpdir(), 'reactor-bus-'))
  const rule =
    "rule: local\non: try/rule\ndo:\n  - local.event.fire: { tgt: web1, args: [{ who: '{{ data.who }}' }, my/rule] }\n"
  await writeFile(join(rules, 'local.yaml'), rule)
  reactor = await startReactor({ args: ['--id', 'web1'], rules })
})
afterAll(async () => {
  await reactor?.clean()
  await rm(rules, { recursive: true, force: true })
})

/** `reactor tail -n minion --json`; it listens when this resolves. */
async function tailMinion(...words: string[]) {
  const child = spawn(process.execPath, [MAIN, 'tail', '-n', 'minion', '--json', ...words], { cwd: reactor.dir })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createSeen<SeenLine>()
  const said = createSeen<string>()
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  createInterface(child.stdout).on('line', line => lines.push(JSON.parse(line)))
  createInterface(child.stderr).on('line', line => said.push(line))
  // It listens once it hears one of these.
  let heard = false
  void lines
    .find(({ tag }) => tag === 'hello', 'a first event')
    .then(() => {
      heard = true
    })
  while (!heard) await reactor.run('local', '--local', 'event.fire', '{}', 'hello')
  const find = (tag: string | RegExp) =>
    lines.find(line => (typeof tag === 'string' ? line.tag === tag : tag.test(line.tag)), String(tag))
  return { lines, said, ended, find, kill: () => child.kill('SIGINT') }
}

describe('the bus of the minion', () => {
  it('has what is fired on it, by whom ever on this machine, and that does not leave it', async () => {
    const tail = await tailMinion()
    const fired = await reactor.run('call', '--json', 'web1', 'event.fire', '{n: 1}', 'my/own')
    expect(JSON.parse(fired.stdout)).toMatchObject({ web1: true })
    expect(await reactor.run('local', 'event.fire', '{n: 2}', 'my/local')).toEqual({
      ...{ code: 0, stderr: '', stdout: 'local:\n    True\n' },
    })
    expect(await tail.find('my/own')).toMatchObject({ data: { n: 1 }, origin: 'web1' })
    expect(await tail.find('my/local')).toMatchObject({ data: { n: 2 }, origin: 'web1' })
    await reactor.run('call', 'web1', 'state.single', 'module.run', 'name=event.fire', 'data={n: 3}', 'tag=my/state')
    expect(await tail.find('my/state')).toMatchObject({ data: { n: 3 } })
    await reactor.run('send', 'try/rule', '{"who": "ada"}')
    expect(await tail.find('my/rule')).toMatchObject({ data: { who: 'ada' } })
    const stored = await reactor.run('events', 'list', '--json', 'my/**', 'hello')
    expect(JSON.parse(stored.stdout)).toEqual({ events: [], left_out: 0, more: false })
    tail.kill()
    expect(await tail.ended).toBe(0)
  })

  it('has what the minion sends to its master, once each and under the same id', async () => {
    const tail = await tailMinion()
    await reactor.run('call', 'web1', 'event.send', 'my/sent', '{n: 1}')
    await reactor.run('call', 'web1', 'schedule.add', 'job1', 'function=test.ping', 'seconds=3600')
    const sent = await tail.find('my/sent')
    const stored = await reactor.lines.find(({ tag }) => tag === 'my/sent', 'the stored event')
    expect(stored).toMatchObject({ id: sent.id, stamp: sent.stamp, data: sent.data })
    await tail.find('/salt/minion/minion_schedule_add_complete')
    const { tag, data } = await tail.find(/^salt\/job\/\d+\/ret\/web1$/)
    expect(data).toMatchObject({ fun: 'event.send', return: true })
    expect(tail.lines.items.filter(line => line.tag === tag)).toHaveLength(1)
  })

  it('is there again when the minion was killed, and says when its link is lost and back', async () => {
    const tail = await tailMinion()
    const { minion, 'nats-server': server } = reactor.ready.processes
    const starts = () => reactor.lines.items.filter(({ tag }) => tag === 'salt/minion/web1/start').length
    const before = starts()
    process.kill(minion!, 'SIGKILL')
    await tail.said.find(line => line.includes('the minion has stopped; waiting for it'), 'that it is gone')
    await tail.said.find(line => line.includes('the minion is back'), 'that it is back')
    await reactor.lines.find(() => starts() > before, 'its start')
    process.kill(server!, 'SIGKILL')
    const { data } = await tail.find('__master_disconnected')
    expect(data.master).toMatch(/^[\w.:[\]-]+:\d+$/)
    await reactor.run('local', '--local', 'event.fire', '{}', 'without/server')
    await tail.find('without/server')
    await tail.find('__master_connected')
    expect(tail.said.items).toHaveLength(2)
  })

  it('cannot be reached where no minion runs', async () => {
    const config = join(await testFolder(), 'minion.json')
    await writeFile(config, JSON.stringify({ minion: { id: 'web9', dir: join(config, '..', 'none') } }))
    const fired = await command(['local', '--local', '--config', config, 'event.fire', '{}', 'a'])
    expect([fired.code, fired.stdout]).toEqual([1, expect.stringContaining('no minion runs here: nothing listens on')])
    expect(await command(['tail', '-n', 'minion', '--config', config])).toMatchObject({
      code: 69,
      stderr: expect.stringContaining('no minion runs here'),
    })
  })
})
