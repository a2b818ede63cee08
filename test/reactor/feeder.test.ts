import { mkdir, open, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBundleStore } from '../../src/reactor/bundle.ts'
import { type Fed, readRules, requireFolder, startFeeder } from '../../src/reactor/feeder.ts'
import { openKnown } from '../../src/reactor/known.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen } from '../helpers/wait.ts'

const rule = (name: string, arg = 1) => `rule: ${name}\non: my/*\ndo:\n  - runner.test.arg: [${arg}]\n`
const BROKEN = 'rule: a\non: my/*\ndoo: []\n'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

interface Load {
  names: string[]
  problems: string[]
  kept: string[]
  hash: string
}

/** A folder with those files, and a feeder that may be stopped and started again. */
async function startFolder(files: Record<string, string>) {
  const { nc, ns } = await openCore(server)
  const folder = join(await testFolder(), 'rules')
  await mkdir(folder)
  const write = async (name: string, text: string) => {
    // As editors save: a file that is half written is never seen.
    await writeFile(join(folder, `.${name}.new`), text)
    await rename(join(folder, `.${name}.new`), join(folder, name))
  }
  for (const [name, text] of Object.entries(files)) await write(name, text)
  const { log, lines } = keptLog()
  const store = await openBundleStore(nc, ns, 1, log)
  const loads = createSeen<Load>()
  const start = () =>
    startFeeder({
      folder,
      store,
      log,
      onFed: ({ rules, problems, kept }: Fed, hash) =>
        loads.push({ names: rules.map(one => one.rule), problems: problems.map(one => one.message), kept, hash }),
    })
  const active = async () => (await store.active())?.rules.map(one => one.rule)
  const running = await start()
  return {
    folder,
    write,
    remove: (name: string) => rm(join(folder, name)),
    store,
    loads,
    lines,
    active,
    start,
    running,
  }
}

describe('a folder of rules', () => {
  it('is in force when the feeder has started', async () => {
    const { loads, active, running } = await startFolder({ 'b.yaml': rule('b'), 'a.yml': rule('a'), 'notes.txt': 'x' })
    expect(loads.items).toMatchObject([{ names: ['a', 'b'], problems: [], kept: [] }])
    expect(await active()).toEqual(['a', 'b'])
    await running.stop()
  })

  it('is loaded again when a file is saved, added or deleted', async () => {
    const { write, remove, loads, active, running, store } = await startFolder({ 'a.yaml': rule('a') })
    await write('b.yaml', rule('b'))
    await loads.find(({ names }) => names.join() === 'a,b', 'the load of b')
    await write('a.yaml', rule('a', 2))
    await loads.find(
      ({ hash }) => ![loads.items[0]!.hash, loads.items[1]!.hash].includes(hash),
      'the load of the new a',
    )
    expect((await store.active())?.rules[0]?.do[0]?.params).toEqual([2])
    await remove('a.yaml')
    await loads.find(({ names }) => names.join() === 'b', 'the load without a')
    expect(await active()).toEqual(['b'])
    await running.stop()
  })

  it('may be empty', async () => {
    const { loads, active, running } = await startFolder({})
    expect(loads.items).toMatchObject([{ names: [], problems: [] }])
    expect(await active()).toEqual([])
    await running.stop()
  })

  it('that goes away leaves its rules in force, and is loaded again when it comes back', async () => {
    const { folder, write, loads, lines, active, running } = await startFolder({ 'a.yaml': rule('a') })
    await rm(folder, { recursive: true })
    await lines.find(({ msg }) => msg.includes('those in force go on'), 'the word that the folder is gone')
    expect(await active()).toEqual(['a'])
    await mkdir(folder)
    await write('c.yaml', rule('c'))
    await loads.find(({ names }) => names.join() === 'c', 'the load of c')
    expect(lines.items.filter(({ msg }) => msg === 'the rules are loaded again')).toHaveLength(1)
    await running.stop()
  })

  it('is fed no more after the feeder was stopped', async () => {
    const { write, loads, running } = await startFolder({ 'a.yaml': rule('a') })
    await running.stop()
    await running.stop()
    await write('b.yaml', rule('b'))
    expect(loads.items).toHaveLength(1)
  })

  it('that is not there is refused, with what to do', async () => {
    await expect(requireFolder('/nowhere/rules')).rejects.toMatchObject({
      code: 'bad_rule',
      message: expect.stringMatching(/\/nowhere\/rules does not exist.*--rules DIR/),
    })
  })
})

describe('a file that does not load', () => {
  it('is said with its place, keeps its last good rules, and leaves the other files alone', async () => {
    const { write, loads, lines, active, running } = await startFolder({ 'a.yaml': rule('a'), 'b.yaml': rule('b') })
    await write('a.yaml', BROKEN)
    const broken = await loads.find(({ kept }) => kept.length > 0, 'the load of the broken file')
    expect(broken).toMatchObject({ names: ['a', 'b'], kept: ['a.yaml'] })
    expect(lines.items.find(({ msg }) => msg.includes('a.yaml:3:1:'))?.msg).toContain("unknown key 'doo'")
    await lines.find(({ file }) => file === 'a.yaml', 'the word that the last good version goes on')
    await write('b.yaml', rule('b2'))
    await loads.find(({ names }) => names.join() === 'a,b2', 'the load of b2 beside the broken a')
    await write('a.yaml', rule('a2'))
    await loads.find(({ names }) => names.join() === 'a2,b2', 'the load of the mended a')
    expect(await active()).toEqual(['a2', 'b2'])
    await running.stop()
  })

  it('keeps its last good rules over a restart of the feeder', async () => {
    const { write, loads, active, start, running } = await startFolder({ 'a.yaml': rule('a'), 'b.yaml': rule('b') })
    await write('a.yaml', BROKEN)
    await loads.find(({ kept }) => kept.length > 0, 'the load of the broken file')
    await running.stop()
    const again = await start()
    expect(loads.items.at(-1)).toMatchObject({ names: ['a', 'b'], kept: ['a.yaml'] })
    expect(await active()).toEqual(['a', 'b'])
    await again.stop()
  })

  it('loses its rules when it is deleted', async () => {
    const { write, remove, loads, running } = await startFolder({ 'a.yaml': rule('a'), 'b.yaml': rule('b') })
    await write('a.yaml', BROKEN)
    await loads.find(({ kept }) => kept.length > 0, 'the load of the broken file')
    await remove('a.yaml')
    await loads.find(({ names }) => names.join() === 'b', 'the load without a')
    await running.stop()
  })

  it('that never loaded gives no rule', async () => {
    const { loads, running } = await startFolder({ 'a.yaml': BROKEN, 'b.yaml': rule('b') })
    expect(loads.items).toMatchObject([{ names: ['b'], kept: [] }])
    expect(loads.items[0]!.problems[0]).toContain("unknown key 'doo'")
    await running.stop()
  })
})

describe('what does not load', () => {
  const doo = { line: 3, column: 1, rule: 'a', message: "unknown key 'doo'. Did you mean 'do'?" }
  const missing = { line: 1, column: 1, rule: 'a', message: expect.stringContaining("'do' is missing") }

  it('is told beside the rules in force until it is mended, which the log says once', async () => {
    const { folder, write, loads, lines, store, running } = await startFolder({ 'a.yaml': rule('a') })
    expect(await store.refused()).toBeUndefined()
    await write('a.yaml', BROKEN)
    await loads.find(({ kept }) => kept.length > 0, 'the load of the broken file')
    expect(await store.refused()).toEqual({
      bundle: loads.items.at(-1)!.hash,
      folder,
      files: [{ file: 'a.yaml', kept: true, problems: [doo, missing] }],
    })
    await write('b.yaml', rule('b'))
    await loads.find(({ names }) => names.join() === 'a,b', 'the load of b beside the broken a')
    expect((await store.refused())!.files.map(({ file }) => file)).toEqual(['a.yaml'])
    await write('a.yaml', rule('a'))
    await loads.find(({ problems, names }) => problems.length === 0 && names.includes('b'), 'the load of the mended a')
    expect(await store.refused()).toBeUndefined()
    await write('b.yaml', rule('b2'))
    await loads.find(({ names }) => names.join() === 'a,b2', 'the load of b2')
    expect(lines.items.filter(({ msg }) => msg === 'the file loads again')).toEqual([
      expect.objectContaining({ file: 'a.yaml', level: 30 }),
    ])
    await running.stop()
  })

  it('is told of a new file, and that it is gone when it is', async () => {
    const { write, remove, lines, store, loads, running } = await startFolder({ 'b.yaml': rule('b') })
    await write('a.yaml', BROKEN)
    await loads.find(({ problems }) => problems.length > 0, 'the refusal')
    expect((await store.refused())!.files).toMatchObject([{ file: 'a.yaml', kept: false }])
    await remove('a.yaml')
    await lines.find(({ file, msg }) => file === 'a.yaml' && msg.endsWith('is gone'), 'the word that it is gone')
    expect(await store.refused()).toBeUndefined()
    await running.stop()
  })

  it('is told of a file that wants a name of another one', async () => {
    const { write, loads, store, running } = await startFolder({ 'a.yaml': rule('same', 1) })
    await write('b.yaml', rule('same', 2))
    await loads.find(({ problems }) => problems.length > 0, 'the refusal')
    expect((await store.refused())!.files).toMatchObject([
      {
        file: 'b.yaml',
        kept: false,
        problems: [{ line: 1, rule: 'same', message: expect.stringContaining('is taken') }],
      },
    ])
    await running.stop()
  })

  it('is no matter of rules that were pushed in the place of the folder', async () => {
    const { store, running } = await startFolder({ 'a.yaml': BROKEN, 'b.yaml': rule('b') })
    expect((await store.refused())!.files).toHaveLength(1)
    const { rules: pushed } = await readRules(await folderWith('p.yaml', rule('pushed')), [])
    await store.activate(pushed, { kind: 'push', name: 'x', by: 'ada' })
    expect(await store.refused()).toBeUndefined()
    await running.stop()
  })
})

describe('a rule whose name is taken', () => {
  it('is refused by the name of the file that has it, which goes on', async () => {
    const { write, loads, store, running } = await startFolder({ 'a.yaml': rule('same', 1) })
    await write('b.yaml', rule('same', 2))
    const load = await loads.find(({ problems }) => problems.length > 0, 'the refusal')
    expect(load.problems[0]).toMatch(/the rule name 'same' is taken by .*a\.yaml:1/)
    const rules = (await store.active())!.rules
    expect(rules.map(({ rule, source }) => [rule, source.file])).toEqual([['same', 'a.yaml']])
    await running.stop()
  })

  it('stays with the rule in force when a file that sorts first wants it', async () => {
    const { write, loads, store, running } = await startFolder({ 'b.yaml': rule('same', 1) })
    await write('a.yaml', `${rule('same', 2)}---\n${rule('other')}`)
    const load = await loads.find(({ problems }) => problems.length > 0, 'the refusal')
    expect(load.problems).toEqual([expect.stringMatching(/'same' is taken by .*b\.yaml:1, which is in force/)])
    expect((await store.active())!.rules.map(({ rule, source }) => [rule, source.file])).toEqual([['same', 'b.yaml']])
    await running.stop()
  })

  it('stays with a file that breaks, and goes to the other one when that file is deleted', async () => {
    const { write, remove, loads, store, running } = await startFolder({ 'b.yaml': rule('same', 1) })
    await write('b.yaml', 'rule: same: x\n  - [')
    await loads.find(({ kept }) => kept.length > 0, 'the load of the broken file')
    await write('a.yaml', rule('same', 2))
    const load = await loads.find(({ problems }) => problems.some(one => one.includes('is taken')), 'the refusal')
    expect(load.kept).toEqual(['b.yaml'])
    await remove('b.yaml')
    await loads.find(({ problems }) => problems.length === 0 && loads.items.length > 3, 'the load without b')
    expect((await store.active())!.rules.map(({ source }) => source.file)).toEqual(['a.yaml'])
    await running.stop()
  })

  it('does not come back from the past when it has moved to another file', async () => {
    const folder = await testFolder()
    await writeFile(join(folder, 'a.yaml'), `${rule('one')}---\n${rule('two')}`)
    const before = await readRules(folder, [])
    await writeFile(join(folder, 'a.yaml'), `${rule('one')}---\n${BROKEN}`)
    await writeFile(join(folder, 'b.yaml'), rule('two', 9))
    const after = await readRules(folder, before.rules)
    expect(after.rules.map(({ rule, source }) => [rule, source.file])).toEqual([
      ['one', 'a.yaml'],
      ['two', 'b.yaml'],
    ])
  })
})

describe('a file that is being written', () => {
  it('is not read before it is whole, even where another file changes meanwhile', async () => {
    const { folder, write, loads, active, running } = await startFolder({ 'a.yaml': rule('a') })
    const whole = `${rule('b')}---\n${rule('c')}---\n${rule('d')}`
    const file = await open(join(folder, 'b.yaml'), 'w')
    for (const part of whole.split('---\n')) {
      await file.write(`${part}---\n`)
      await write('a.yaml', rule('a', part.length))
    }
    await file.close()
    await loads.find(({ names }) => names.includes('b'), 'the load of b')
    const seen = new Set(loads.items.map(({ names }) => names.join()))
    expect([...seen]).toEqual(['a', 'a,b,c,d'])
    expect(await active()).toEqual(['a', 'b', 'c', 'd'])
    await running.stop()
  })

  it('keeps its last good rules until it has settled, and is no problem', async () => {
    const folder = await testFolder()
    await writeFile(join(folder, 'a.yaml'), rule('a'))
    const before = await readRules(folder, [])
    await writeFile(join(folder, 'a.yaml'), 'rule: a\non: my')
    const during = await readRules(folder, before.rules, { settleMs: 60_000 })
    expect(during).toMatchObject({ problems: [], kept: [], unsettled: ['a.yaml'] })
    expect(during.rules).toEqual(before.rules)
  })

  it('is told by a clock that may run a little ahead, but is read when that clock is far off', async () => {
    const folder = await testFolder()
    const file = join(folder, 'a.yaml')
    await writeFile(file, rule('a'))
    const stampedIn = async (seconds: number) => {
      const at = Date.now() / 1000 + seconds
      await utimes(file, at, at)
      return (await readRules(folder, [], { settleMs: 60_000 })).unsettled
    }
    expect(await stampedIn(20)).toEqual(['a.yaml'])
    expect(await stampedIn(86_400)).toEqual([])
    expect(await stampedIn(-86_400)).toEqual([])
  })
})

describe('a function that is not known', () => {
  it('is a warning, and its rule is in force', async () => {
    const folder = await testFolder()
    await writeFile(join(folder, 'a.yaml'), 'on: my/*\ndo: runner.none.such\n')
    const { nc, ns } = await openCore(server)
    const { log, lines } = keptLog()
    const store = await openBundleStore(nc, ns, 1, log)
    const check = await openKnown([], log)
    const running = await startFeeder({ folder, store, log, ...check })
    expect(lines.items.map(({ msg }) => msg)).toContainEqual(
      expect.stringContaining("a.yaml:2:5: there is no function 'runner.none.such' here"),
    )
    expect((await store.active())?.rules).toHaveLength(1)
    await running.stop()
  })

  it('is not looked for where a module does not load, which is said', async () => {
    const folder = await testFolder()
    await mkdir(join(folder, 'runners'))
    await writeFile(join(folder, 'runners', 'bad.mjs'), 'export const x = 1')
    const { log, lines } = keptLog()
    expect(await openKnown([folder], log)).toEqual({ facts: new Set() })
    expect(lines.items[0]?.msg).toContain('not checked against the functions')
  })
})

describe('a store that fails', () => {
  it('is fed again until it takes the rules, and is told of once', async () => {
    const { nc, ns } = await openCore(server)
    const folder = await testFolder()
    await writeFile(join(folder, 'a.yaml'), rule('a'))
    const { log, lines } = keptLog()
    const store = await openBundleStore(nc, ns, 1, log)
    await writeFile(join(folder, 'b.yaml'), BROKEN)
    let failures = 0
    const failing: typeof store = {
      ...store,
      async activate(rules) {
        if (rules.length === 1 || failures === 2) return store.activate(rules)
        failures++
        throw new Error('timeout')
      },
    }
    const loads = createSeen<string>()
    const running = await startFeeder({ folder, store: failing, log, onFed: (_fed, hash) => loads.push(hash) })
    await writeFile(join(folder, 'c.yaml'), rule('c'))
    await loads.reach(2)
    expect(failures).toBe(2)
    expect((await store.active())?.rules.map(one => one.rule)).toEqual(['a', 'c'])
    expect(lines.items.filter(({ error }) => error === 'timeout')).toHaveLength(1)
    // At the start, and at the change.
    expect(lines.items.filter(({ msg }) => msg.includes("unknown key 'doo'"))).toHaveLength(2)
    await running.stop()
  })
})

describe('a folder beside what people do', () => {
  it('is what its bundles say they came from', async () => {
    const { folder, store, running } = await startFolder({ 'a.yaml': rule('a') })
    expect((await store.inForce())!.activation.from).toEqual({ kind: 'folder', name: folder })
    await running.stop()
  })

  it('leaves off what somebody has switched off, and on what they have switched on', async () => {
    const { write, loads, store, start, running } = await startFolder({ 'a.yaml': rule('a') })
    await store.switch({ to: 'off', names: ['a'], by: 'ada' })
    await write('a.yaml', rule('a', 2))
    await loads.find(({ hash }) => hash !== loads.items[0]!.hash, 'the load of the new a')
    expect((await store.active())!.off).toEqual(['a'])
    await running.stop()
    const again = await start()
    expect((await store.active())!.off).toEqual(['a'])
    await store.switch({ to: 'on', names: ['a'], by: 'ada' })
    await write('b.yaml', rule('b'))
    await loads.find(({ names }) => names.join() === 'a,b', 'the load of b')
    expect(await store.active()).not.toHaveProperty('off')
    await again.stop()
  })

  it('puts its own rules back at its next change after a push, not before', async () => {
    const { write, loads, active, store, running } = await startFolder({ 'a.yaml': rule('a') })
    const { rules: pushed } = await readRules(await folderWith('p.yaml', rule('pushed')), [])
    await store.activate(pushed, { kind: 'push', name: 'x', by: 'ada' })
    expect(await active()).toEqual(['pushed'])
    await write('b.yaml', rule('b'))
    await loads.find(({ names }) => names.join() === 'a,b', 'the load of b')
    expect(await active()).toEqual(['a', 'b'])
    await running.stop()
  })

  it('takes for the last good rules of a broken file its own, not those that were pushed', async () => {
    const { write, loads, active, store, start, running } = await startFolder({
      'a.yaml': rule('a', 1),
      'b.yaml': rule('b'),
    })
    await write('a.yaml', BROKEN)
    await loads.find(({ kept }) => kept.length > 0, 'the load of the broken file')
    await running.stop()
    const { rules: pushed } = await readRules(await folderWith('a.yaml', rule('pushed')), [])
    await store.activate(pushed, { kind: 'push', name: 'x', by: 'ada' })
    const again = await start()
    expect(loads.items.at(-1)).toMatchObject({ names: ['a', 'b'], kept: ['a.yaml'] })
    expect(await active()).toEqual(['a', 'b'])
    await again.stop()
  })
})

async function folderWith(name: string, text: string): Promise<string> {
  const folder = await testFolder()
  await writeFile(join(folder, name), text)
  return folder
}
