// The rules in force as people see and change them while the reactor runs.
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Running, startReactor } from './reactor.ts'

const answer = (rule: string, on: string, to: string) =>
  `rule: ${rule}\non: ${on}\ndo:\n  - runner.event.send: { tag: ${to}, data: { n: "{{ data.n | default(0) }}" } }\n`

describe('the rules in force', () => {
  let reactor: Running
  let folder: string
  let other: string
  const write = async (dir: string, name: string, text: string) => {
    await writeFile(join(dir, `.${name}`), text)
    await rename(join(dir, `.${name}`), join(dir, name))
  }
  const loads = () => reactor.said.items.filter(line => line.includes('bundle in force')).length
  const nextLoad = async (change: () => Promise<unknown>) => {
    const before = loads()
    await change()
    await reactor.said.find(() => loads() > before, 'the next bundle')
  }
  const json = async (...words: string[]) => {
    const { code, stdout, stderr } = await reactor.run('rules', ...words, '--json')
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) })
    return JSON.parse(stdout)
  }

  beforeAll(async () => {
    const base = await mkdtemp(join(tmpdir(), 'reactor-in-force-'))
    folder = join(base, 'rules')
    other = join(base, 'other')
    await mkdir(folder)
    await mkdir(other)
    await write(folder, 'first.yaml', answer('first', 'first/*', 'answer/first'))
    reactor = await startReactor({ args: ['--id', 'web1'], rules: folder })
  })
  afterAll(async () => {
    await reactor?.clean()
    await rm(join(folder, '..'), { recursive: true, force: true })
  })

  it('are listed with their folder, and shown as they may be written', async () => {
    const view = await json('list')
    expect(view).toMatchObject({ from: { kind: 'folder', name: folder }, rules: [{ rule: 'first', mode: 'live' }] })
    expect(view.lag).toMatchObject({ pending: expect.any(Number), in_hand: expect.any(Number) })
    const listed = await reactor.run('rules', 'list')
    expect(listed.code).toBe(0)
    expect(listed.stdout).toMatch(/^bundle [0-9a-f]{16} from folder .*: 1 rule\n/)
    const shown = await reactor.run('rules', 'show', 'first')
    expect(shown.stdout).toContain('\nrule: first\non: first/*\n')
    await writeFile(join(other, 'shown.yaml'), shown.stdout)
    expect(await reactor.run('check', join(other, 'shown.yaml'))).toMatchObject({ code: 0 })
    await rm(join(other, 'shown.yaml'))
  })

  it('are told apart by name: a wrong one is an error with the nearest', async () => {
    for (const words of [
      ['show', 'frist'],
      ['disable', 'first', 'frist'],
      ['enable', 'frist'],
    ])
      expect(await reactor.run('rules', ...words)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining("'frist' (did you mean 'first'?)"),
      })
    expect((await json('list')).rules[0].mode).toBe('live')
    expect(await reactor.run('rules', 'disable')).toMatchObject({ code: 64 })
    expect(await reactor.run('rules', 'push', join(other, 'nowhere'))).toMatchObject({ code: 1 })
  })

  it('do nothing while they are off, over changes of the folder, until they are on again', async () => {
    await nextLoad(() => json('disable', 'first', '--reason', 'too loud'))
    await reactor.run('send', 'first/event', '{"n": 1}')
    await nextLoad(() => write(folder, 'second.yaml', answer('second', 'first/*', 'answer/second')))
    await reactor.run('send', 'first/event', '{"n": 2}')
    const second = ({ tag, data }: { tag: string; data: Record<string, unknown> }) =>
      tag === 'answer/second' && data.n === 2
    await reactor.lines.find(second, 'the answer of the second')
    const listed = await reactor.run('rules', 'list')
    expect(listed.stdout).toContain('off by admin')
    await nextLoad(() => json('enable', 'first'))
    expect((await reactor.run('rules', 'enable', 'first')).stdout).toBe('first was on already\n')
    await reactor.run('send', 'first/event', '{"n": 3}')
    await reactor.lines.find(({ tag, data }) => tag === 'answer/first' && data.n === 3, 'the answer of the first')
    const answers = reactor.lines.items.filter(({ tag }) => tag === 'answer/first').map(({ data }) => data.n)
    expect(answers).toEqual([3])
  })

  it('are told with the files that do not load, and the log says when one loads again', async () => {
    const second = answer('second', 'first/*', 'answer/second')
    await write(folder, 'second.yaml', second.replace('do:', 'doo:'))
    await reactor.said.find(line => line.includes('the last good version of its rules goes on'), 'the refusal')
    const refused =
      "second.yaml is refused, and its last good version goes on: 3:1 unknown key 'doo'. Did you mean 'do'?"
    expect((await reactor.run('rules', 'list')).stdout).toContain(`\n${refused}`)
    expect((await reactor.run('rules', 'show', 'second')).stdout).toContain(refused)
    expect((await json('list')).refused).toMatchObject({ folder, files: [{ file: 'second.yaml', kept: true }] })
    await write(folder, 'second.yaml', second)
    await reactor.said.find(line => line.includes('the file loads again'), 'the word that it loads again')
    expect(await json('list')).not.toHaveProperty('refused')
  })

  it('are pushed, after a look at what would change', async () => {
    await write(other, 'pushed.yaml', answer('pushed', 'pushed/*', 'answer/pushed'))
    const before = await json('list')
    const tried = await reactor.run('rules', 'push', other, '--dry-run')
    expect(tried.stdout).toMatch(
      /^\+ pushed\n- first\n- second\n1 rule would be in force as bundle .*: 1 added, 0 changed, 2 removed\n$/,
    )
    expect(tried.stderr).toContain(`the rules of the folder ${folder} were in force before`)
    expect((await json('list')).bundle).toBe(before.bundle)
    await nextLoad(() => reactor.run('rules', 'push', other, '--name', 'deploy-42'))
    await reactor.run('send', 'pushed/event', '{"n": 4}')
    await reactor.lines.find(({ tag }) => tag === 'answer/pushed', 'the answer of the pushed rule')
    const [newest] = await json('history')
    expect(newest).toMatchObject({
      from: { kind: 'push', name: 'deploy-42', by: 'admin' },
      changes: { added: 1, removed: 2 },
    })
    const history = await reactor.run('rules', 'history', '--limit', '2')
    expect(history.stdout).toContain('push of deploy-42 by admin')
    expect(history.stdout).toContain('enabled first')
    const events = reactor.lines.items.filter(({ data }) => data.fun === 'runner.rules.push')
    expect(JSON.stringify(events)).toMatch(/\[\d+ bytes\]/)
  })

  it('are left alone by a push that does not load, which says every place', async () => {
    await write(other, 'bad.yaml', `${answer('bad', 'x/*', 'y/z')}---\nrule: worse\non: x/*\ndo: runner.nothing.here\n`)
    await write(other, 'broken.yaml', 'rule: broken\nonn: x\n')
    const before = await json('list')
    const refused = await reactor.run('rules', 'push', other)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/bad\.yaml:\d+:\d+: .*runner\.nothing\.here/)
    expect(refused.stderr).toMatch(/broken\.yaml:2:1: unknown key 'onn'/)
    expect(refused.stderr).toContain('nothing was pushed')
    expect((await json('list')).bundle).toBe(before.bundle)
  })

  it('are the folder’s again at its next change', async () => {
    await nextLoad(() => write(folder, 'third.yaml', answer('third', 'third/*', 'answer/third')))
    const view = await json('list')
    expect(view.from.kind).toBe('folder')
    expect(view.rules.map(({ rule }: { rule: string }) => rule)).toEqual(['first', 'second', 'third'])
  })

  it('are known to runner functions, and so to any NATS client', async () => {
    const listed = await reactor.run('run', 'rules.list', '--json')
    expect(JSON.parse(listed.stdout).rules).toHaveLength(3)
    const byTag = await reactor.run('run', 'reactor.list', '--json')
    expect(JSON.parse(byTag.stdout)).toEqual([{ 'first/*': ['first', 'second'] }, { 'third/*': ['third'] }])
  })

  it('may be thousands', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => answer(`rule-${i}`, `many/${i}/*`, 'answer/many'))
    await rm(join(other, 'bad.yaml'))
    await rm(join(other, 'broken.yaml'))
    for (let file = 0; file < 3; file++)
      await write(other, `many${file}.yaml`, many.slice(file * 1000, (file + 1) * 1000).join('---\n'))
    await nextLoad(() => reactor.run('rules', 'push', other))
    expect((await json('list')).rules).toHaveLength(3001)
    await reactor.run('send', 'many/2777/x', '{"n": 7}')
    await reactor.lines.find(({ tag, data }) => tag === 'answer/many' && data.n === 7, 'the answer')
  })
})
