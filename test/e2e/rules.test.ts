// Rules as people live with them: written, broken and mended while the reactor runs, and what a minion cannot trigger.
import { spawn } from 'node:child_process'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createSeen } from '../helpers/wait.ts'
import { MAIN, type Running, startReactor } from './reactor.ts'

const answer = (rule: string, on: string, to: string) =>
  `rule: ${rule}\non: ${on}\ndo:\n  - runner.event.send: { tag: ${to}, data: { n: "{{ data.n | default(0) }}", by: "{{ origin }}" } }\n`

describe('rules of a running reactor', () => {
  let reactor: Running
  let rules: string
  const write = async (name: string, text: string) => {
    await writeFile(join(rules, `.${name}`), text)
    await rename(join(rules, `.${name}`), join(rules, name))
  }
  const said = (text: string) => reactor.said.find(line => line.includes(text), `'${text}' in the log`)
  /** The log speaks of each bundle that comes into force. */
  const loads = () => reactor.said.items.filter(line => line.includes('bundle in force')).length
  const nextLoad = async (change: () => Promise<void>) => {
    const before = loads()
    await change()
    await reactor.said.find(() => loads() > before, 'the next bundle')
  }

  beforeAll(async () => {
    rules = await mkdtemp(join(tmpdir(), 'reactor-rules-'))
    reactor = await startReactor({ args: ['--id', 'web1'], rules })
  })
  afterAll(async () => {
    await reactor.clean()
    await rm(rules, { recursive: true, force: true })
  })

  it('are none at first', () => {
    expect(reactor.ready.rules).toMatchObject({ loaded: 0, problems: 0 })
  })

  it('fire as soon as their file is saved', async () => {
    await nextLoad(() => write('first.yaml', answer('first', 'first/*', 'answer/first')))
    await reactor.run('send', 'first/event', '{"n": 1}')
    const answered = await reactor.lines.find(({ tag }) => tag === 'answer/first', 'the answer')
    expect(answered).toMatchObject({ data: { n: 1, by: '_user-admin' }, origin: '_jobs' })
  })

  it('go on in their last good version when their file breaks, and the log says where', async () => {
    await write('first.yaml', `${answer('first', 'first/*', 'answer/broken')}retries: 3\n`)
    await said("first.yaml:5:1: unknown key 'retries'")
    await said('the last good version of its rules goes on')
    await reactor.run('send', 'first/event', '{"n": 2}')
    const answered = await reactor.lines.find(({ data }) => data?.n === 2 && data.by !== undefined, 'the answer')
    expect(answered.tag).toBe('answer/first')
  })

  it('are replaced when their file is mended, and gone with their file', async () => {
    await nextLoad(() => write('first.yaml', answer('first', 'first/*', 'answer/mended')))
    await reactor.run('send', 'first/event', '{"n": 3}')
    await reactor.lines.find(({ tag }) => tag === 'answer/mended', 'the answer')
    await nextLoad(() => rm(join(rules, 'first.yaml')))
    await nextLoad(() => write('second.yaml', answer('second', 'second/*', 'answer/second')))
    await reactor.run('send', 'first/event', '{"n": 4}')
    await reactor.run('send', 'second/event', '{"n": 5}')
    await reactor.lines.find(({ tag }) => tag === 'answer/second', 'the answer of the second')
    expect(reactor.lines.items.filter(({ tag, data }) => tag.startsWith('answer/') && data.n === 4)).toEqual([])
  })

  it('are parked with the reason where a template fails, for all to see', async () => {
    await nextLoad(() => write('third.yaml', answer('third', 'third/*', '"{{ data.to.tag }}"')))
    const shown = createSeen<string>()
    const tail = spawn(process.execPath, [MAIN, 'tail', 'third/*', '--no-color'], { cwd: reactor.dir })
    createInterface(tail.stdout).on('line', line => shown.push(line))
    onTestFinished(() => void tail.kill())
    const parked = shown.find(line => line.includes('parked'), 'the parked reaction in the tail')
    // Which of them the tail is there for is not known: it shows what comes from then on.
    let seen = false
    void parked.then(() => (seen = true))
    while (!seen) await reactor.run('send', 'third/event', '{"n": 6}')
    expect(await parked).toMatch(/third parked: rule 'third', do\[0\] runner\.event\.send\.tag: .*data\.to/)
  })

  it('are not triggered by what a minion says of others', async () => {
    await nextLoad(() => write('key.yaml', answer('key', 'salt/key', 'answer/key')))
    await nextLoad(() => write('own.yaml', answer('own', 'my/own', 'answer/own')))
    const forged = await reactor.run('call', 'web1', 'event.send', 'salt/key', '{"id": "evil", "act": "accept"}')
    expect(forged.code).toBe(0)
    await reactor.lines.find(({ tag, origin }) => tag === 'salt/key' && origin === 'web1', 'the forged event')
    await reactor.run('call', 'web1', 'event.send', 'my/own', '{"n": 7}')
    const own = await reactor.lines.find(({ tag }) => tag === 'answer/own', 'the answer to what is its own')
    expect(own.data.by).toBe('web1')
    await said('its minion speaks of what is not its own')
    expect(reactor.lines.items.filter(({ tag }) => tag === 'answer/key')).toEqual([])
  })
})
