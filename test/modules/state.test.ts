// State runs by the functions that ask for them, on a machine without a server: its own file_roots and pillar_roots.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { parseConfig } from '../../src/config/load.ts'
import { runLocally } from '../../src/processes/local.ts'
import { testFolder } from '../helpers/folder.ts'

/** A machine with these files below its salt/ and pillar/ folders. */
async function machine(files: Record<string, string>) {
  const dir = await testFolder()
  for (const [path, text] of Object.entries({ 'pillar/top.sls': '', ...files })) {
    const file = join(dir, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text.replaceAll('DIR', dir))
  }
  const config = parseConfig(
    {
      isolation: 'none',
      minion: { id: 'web1', dir: join(dir, 'var'), grains: { role: 'web' } },
      file_roots: { base: [join(dir, 'salt')], dev: [join(dir, 'dev')] },
      pillar_roots: { base: [join(dir, 'pillar')] },
    },
    'the test',
  )
  const run = async (fun: string, arg: unknown[] = [], kwarg: Record<string, unknown> = {}) => {
    const options = { masterless: true, signal: new AbortController().signal, log: silentLog }
    const { returned } = await runLocally(config, { fun, arg, kwarg, user: 'ada', returning: {} }, options)
    return returned
  }
  return { dir, run }
}

const MARKS = `mark:
  cmd.run:
    - name: 'echo {{ grains.role }}-{{ pillar.get("port", 80) }} > DIR/mark'
    - creates: DIR/mark
`

describe('state.apply', () => {
  it('brings the machine into the state of an SLS, and finds nothing to do the next time', async () => {
    const { dir, run } = await machine({ 'salt/web.sls': MARKS })
    const first = await run('state.apply', ['web'])
    expect(first).toMatchObject({ retcode: 0, success: true })
    expect(Object.values(first.return as object)).toEqual([expect.objectContaining({ result: true, __sls__: 'web' })])
    expect(await readFile(join(dir, 'mark'), 'utf8')).toBe('web-80\n')
    const [again] = Object.values((await run('state.apply', ['web'])).return as object)
    expect(again).toMatchObject({ result: true, changes: {}, comment: `${join(dir, 'mark')} exists` })
  })

  it('renders with pillar of its own, laid over by what is given', async () => {
    const { dir, run } = await machine({
      'salt/web.sls': MARKS,
      'pillar/top.sls': "base: {'*': [web]}",
      'pillar/web.sls': 'port: 81',
    })
    await run('state.sls', ['web'], { pillar: { port: 8080 } })
    expect(await readFile(join(dir, 'mark'), 'utf8')).toBe('web-8080\n')
  })

  it('changes nothing with test=True, and state.test is the same', async () => {
    const { dir, run } = await machine({ 'salt/web.sls': MARKS })
    for (const returned of [await run('state.apply', ['web'], { test: true }), await run('state.test', ['web'])]) {
      expect(returned.retcode).toBe(0)
      expect(Object.values(returned.return as object)).toEqual([expect.objectContaining({ result: null })])
    }
    await expect(readFile(join(dir, 'mark'))).rejects.toThrow('ENOENT')
  })

  it('runs what the top file gives the machine without any SLS', async () => {
    const { run } = await machine({
      'salt/top.sls': "base: {'web*': [web], 'db*': [db], 'role:web': [{match: grain}, more]}",
      'salt/web.sls': 'a: test.nop',
      'salt/more.sls': 'b: test.nop',
      'salt/db.sls': 'c: test.nop',
    })
    const ids = (value: unknown) => Object.values(value as Record<string, { __id__: string }>).map(one => one.__id__)
    expect(ids((await run('state.apply')).return)).toEqual(['a', 'b'])
    expect(ids((await run('state.highstate', [], { exclude: ['more'] })).return)).toEqual(['a'])
    expect((await run('state.show_top')).return).toEqual({ base: ['web', 'more'] })
    expect((await run('state.show_states')).return).toEqual(['web', 'more'])
  })

  it('says that the top file has nothing for the machine', async () => {
    const { run } = await machine({ 'salt/top.sls': "base: {'db*': [db]}" })
    const returned = await run('state.highstate')
    expect(returned).toMatchObject({ retcode: 2, success: false })
    expect(returned.return).toEqual({
      'no_|-states_|-states_|-None': expect.objectContaining({
        result: false,
        comment: 'No Top file or master_tops data matches found. Please see master log for details.',
      }),
    })
  })

  it('fails with 2 where a state failed', async () => {
    const { run } = await machine({ 'salt/web.sls': 'a: test.fail_without_changes' })
    expect(await run('state.apply', ['web'])).toMatchObject({ retcode: 2, success: false })
  })

  it.each([
    ['does not parse', 'a: [', /^Rendering SLS 'base:web' failed: /],
    ['has an unknown function', 'a: test.nopp', /test\.nopp/],
    ['is not there', undefined, /^No matching sls found for 'web' in env 'base'/],
  ])('runs nothing and says why where an SLS %s', async (_what, text, words) => {
    const { run } = await machine(text === undefined ? {} : { 'salt/web.sls': text })
    const returned = await run('state.apply', ['web'])
    expect(returned).toMatchObject({ retcode: 1, success: false })
    expect(returned.return).toEqual([expect.stringMatching(words)])
  })

  it('refuses to run on a pillar that does not render', async () => {
    const { run } = await machine({
      'salt/web.sls': 'a: test.nop',
      'pillar/top.sls': "base: {'*': [gone]}",
    })
    const returned = await run('state.apply', ['web'])
    expect(returned).toMatchObject({ retcode: 5, success: false })
    expect(returned.return).toEqual([
      'Pillar failed to render with the following messages:',
      expect.stringContaining('gone'),
    ])
  })

  it('takes the files of another environment', async () => {
    const { run } = await machine({ 'dev/web.sls': 'dev: test.nop', 'salt/web.sls': 'base: test.nop' })
    const returned = await run('state.sls', ['web'], { saltenv: 'dev' })
    expect(Object.keys(returned.return as object)).toEqual(['test_|-dev_|-dev_|-nop'])
  })

  it('names an argument that is not supported', async () => {
    const { run } = await machine({})
    const returned = await run('state.sls', ['web'], { sync_mods: 'all' })
    expect(returned).toMatchObject({ success: false, return: expect.stringContaining("no argument 'sync_mods'") })
  })
})

describe('parts of states', () => {
  const SLS = `a: test.nop
b:
  test.nop:
    - require: [{test: a}]
c: test.fail_without_changes
`
  it('state.sls_id runs an ID and what it needs', async () => {
    const { run } = await machine({ 'salt/web.sls': SLS })
    expect(Object.keys((await run('state.sls_id', ['b', 'web'])).return as object)).toEqual([
      'test_|-a_|-a_|-nop',
      'test_|-b_|-b_|-nop',
    ])
    expect(await run('state.sls_id', ['x', 'web'])).toMatchObject({
      retcode: 1,
      return: ["No matches for ID 'x' found in SLS 'web' within saltenv 'base'"],
    })
  })

  it('state.single runs one function', async () => {
    const { dir, run } = await machine({})
    const name = `echo one > ${dir}/one`
    const dry = await run('state.single', ['cmd.run', name], { test: true })
    expect(Object.values(dry.return as object)).toEqual([expect.objectContaining({ result: null })])
    await run('state.single', ['cmd.run', name], { python_shell: true })
    expect(await readFile(join(dir, 'one'), 'utf8')).toBe('one\n')
    expect(await run('state.single', ['test.nopp', 'x'])).toMatchObject({
      retcode: 1,
      return: [expect.stringContaining('test.nopp')],
    })
  })

  it('are shown and not run', async () => {
    const { run } = await machine({ 'salt/web.sls': SLS })
    expect((await run('state.show_sls', ['web'])).return).toMatchObject({ a: { __sls__: 'web', __env__: 'base' } })
    const low = (await run('state.show_low_sls', ['web'])).return as { __id__: string }[]
    expect(low.map(({ __id__ }) => __id__)).toEqual(['a', 'b', 'c'])
  })

  it('are looked for', async () => {
    const { run } = await machine({ 'salt/web.sls': SLS })
    const answers = [
      ['state.sls_exists', ['web'], true],
      ['state.sls_exists', ['gone'], false],
      ['state.id_exists', ['a,b', 'web'], true],
      ['state.id_exists', ['a,x', 'web'], false],
    ] as const
    for (const [fun, arg, answer] of answers)
      expect(await run(fun, [...arg])).toMatchObject({ return: answer, retcode: 0 })
  })
})

describe('conditions', () => {
  it('are read by a shell, or ask a function', async () => {
    const { run } = await machine({
      'salt/web.sls': `a: {test.nop: [{unless: 'test -d DIR && echo yes | grep -q yes'}]}
b: {test.nop: [{onlyif: ['true', 'exit 3']}]}
c: {test.nop: [{unless: [{fun: grains.get, args: [role], get_return: none}]}]}
d: {test.nop: [{onlyif: {fun: grains.items, get_return: 'role:0'}}]}
e: {test.succeed_with_changes: [{check_cmd: 'exit 1'}]}
f: {test.nop: [{unless: 'true', cwd: DIR/none}]}
`,
    })
    const found = Object.values((await run('state.apply', ['web'])).return as Record<string, { comment: string }>)
    expect(found.map(({ comment }) => comment)).toEqual([
      'unless condition is true',
      'onlyif condition is false',
      expect.any(String),
      'onlyif condition is false',
      'check_cmd determined the state failed',
      expect.stringContaining('cwd'),
    ])
    expect(found[0]).toMatchObject({ result: true, skip_watch: true })
    expect(found[4]).toMatchObject({ result: false })
  })
})
