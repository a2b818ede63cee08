import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { createBook } from '../../src/schedule/book.ts'
import { type CallableFunctions, openCallable } from '../../src/schedule/callable.ts'
import { createCallOf } from '../../src/schedule/calls.ts'
import { writeProbe } from '../e2e/schedule-system.ts'
import { keptLog } from '../helpers/core.ts'

let functions: CallableFunctions | undefined
beforeAll(async () => {
  functions = await openCallable([], silentLog)
})

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-callable-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** What is wrong with an entry of the config; undefined: it is in force. */
function problemOf(item: Record<string, unknown>, held: CallableFunctions | undefined): string | undefined {
  const book = createBook(createCallOf(held))
  book.give('config', { e: { seconds: 10, ...item } })
  return book.refused()[0]?.problem
}

describe('an entry of the config', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['a runner function that is not there', { function: 'runner.nonexist.foo' }, "no runner function 'nonexist.foo'."],
    ['one that is misspelt', { function: 'event.snd' }, "'event.snd'. Did you mean 'event.send'?"],
    ['a wheel function that is not there', { function: 'wheel.key.lits' }, "'key.lits'. Did you mean 'key.list'?"],
    ['a function of minions', { function: 'test.ping' }, "Did you mean 'local.test.ping' with tgt?"],
    ['a wheel function without its word', { function: 'key.list' }, "Did you mean 'wheel.key.list'?"],
    [
      'an unknown argument',
      { function: 'event.send', kwargs: { tagg: 'a/b' } },
      "event.send has no argument 'tagg'. Did you mean 'tag'?",
    ],
    ['an argument too few', { function: 'runner.event.send' }, "event.send needs the argument 'tag'"],
    ['arguments too many', { function: 'wheel.key.list', args: ['all', 2] }, 'key.list takes at most 1 arguments'],
    ['an argument twice', { function: 'wheel.key.list', args: ['all'], kwargs: { match: 'all' } }, "'match' twice"],
  ])('is refused with %s', (_what, item, problem) => {
    expect(problemOf(item, functions)).toContain(problem)
  })

  it('is refused by itself, though it is disabled', () => {
    const book = createBook(createCallOf(functions))
    const good = { function: 'event.send', args: ['a/b'], seconds: 10 }
    book.give('config', { bad: { function: 'nosuch.fn', seconds: 10, enabled: false }, good })
    expect([...book.entries().keys()]).toEqual(['good'])
    expect(book.refused()).toEqual([
      { name: 'bad', source: 'config', problem: "there is no runner function 'nosuch.fn'." },
    ])
  })

  it('may call any function on minions, which may have modules of their own', () => {
    expect(problemOf({ function: 'local.own.fn', tgt: '*', kwargs: { any: 1 } }, functions)).toBeUndefined()
  })

  it('may call what a module of the user has, and is held to its arguments', async () => {
    const own = await openCallable([await writeProbe(await folder())], silentLog)
    expect(problemOf({ function: 'probe.slot', args: ['a'] }, functions)).toContain(
      "there is no runner function 'probe.slot'",
    )
    expect(problemOf({ function: 'probe.slot', args: ['a'] }, own)).toBeUndefined()
    expect(problemOf({ function: 'probe.slot', kwargs: { entri: 'a' } }, own)).toContain("no argument 'entri'")
  })
})

it('an entry that was added stays while its function is away', () => {
  const book = createBook(createCallOf(functions))
  book.change('e', { item: { function: 'gone.fn', seconds: 10 } })
  expect([...book.entries().keys()]).toEqual(['e'])
})

describe('a module that does not load', () => {
  const broken = async (kind: string) => {
    const dir = await folder()
    await mkdir(join(dir, kind))
    await writeFile(join(dir, kind, 'broken.mjs'), 'export const fn = 1\n')
    return dir
  }

  it('keeps no schedule from running: its entries are not looked up, and the log says so', async () => {
    const { log, lines } = keptLog()
    const none = await openCallable([await broken('runners')], log)
    expect(problemOf({ function: 'nosuch.fn' }, none)).toBeUndefined()
    expect(lines.items).toEqual([
      expect.objectContaining({
        msg: expect.stringContaining('are not checked'),
        error: expect.stringContaining('broken.mjs'),
      }),
    ])
  })

  it('of minions costs a hint and nothing else', async () => {
    const held = await openCallable([await broken('modules')], silentLog)
    expect(problemOf({ function: 'test.ping' }, held)).toContain("there is no runner function 'test.ping'.")
  })
})
