// Every state of files: a test tells what would be done and does nothing, and what is done once is not done again.
import { mkdir, symlink } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { loadFunctions } from '../../src/functions/load.ts'
import { fileStates } from './file-context.ts'

type Machine = Awaited<ReturnType<typeof fileStates>>
interface Case {
  fun: string
  /** What it is called beside its name, and what is on the machine before. */
  args?: Record<string, unknown>
  before?: (machine: Machine) => Promise<unknown>
}

const text = (content: string) => (machine: Machine) => machine.file('x', content)

const CASES: Case[] = [
  { fun: 'managed', args: { source: 'salt://t', mode: '0644' } },
  { fun: 'managed', args: { source: 'salt://t', mode: 644, makedirs: true }, before: text('other\r\n') },
  { fun: 'managed', args: { contents: '', mode: '0600' }, before: text('not empty') },
  { fun: 'managed', args: { contents: 'no newline', contents_newline: false }, before: text('no newline\n') },
  { fun: 'managed', args: { contents: ['é', 1, true, 'NFD: é'] } },
  { fun: 'managed', args: { contents: 0 } },
  { fun: 'managed', args: { contents: false } },
  { fun: 'managed', args: { source: 'salt://bin', follow_symlinks: false }, before: m => symlink('y', m.path('x')) },
  { fun: 'managed', args: {} },
  { fun: 'directory', args: { dir_mode: '2750' } },
  {
    fun: 'directory',
    args: { mode: 700, file_mode: 600, recurse: ['mode'], clean: true },
    before: m => m.file('x/a b\nc', ''),
  },
  { fun: 'recurse', args: { source: 'salt://tree', file_mode: 'keep', include_empty: true, clean: true } },
  { fun: 'recurse', args: { source: 'salt://tree', clean: true }, before: m => m.file('x/foreign', '') },
  { fun: 'symlink', args: { target: 'y' } },
  { fun: 'symlink', args: { target: 'y', force: true }, before: m => m.file('x/y', '') },
  { fun: 'absent', before: text('') },
  { fun: 'absent', before: m => symlink('away', m.path('x')) },
  { fun: 'touch', args: { atime: 1_000_000, mtime: 1_000_001 } },
  { fun: 'append', args: { text: ['a', 'b\n\nc'] } },
  { fun: 'append', args: { text: 'b' }, before: text('a\r\nno newline') },
  { fun: 'prepend', args: { text: ['a', 'b'], header: true }, before: text('b\na') },
  { fun: 'prepend', args: { text: 'a' }, before: text('') },
  { fun: 'replace', args: { pattern: '^a=.*$', repl: 'a=1', backup: false }, before: text('a=0\nb') },
  { fun: 'replace', args: { pattern: 'z', repl: 'new', append_if_not_found: true }, before: text('no newline') },
  { fun: 'blockreplace', args: { content: 'one\ntwo', append_if_not_found: true }, before: text('a\r\nb') },
  { fun: 'blockreplace', args: { content: '', prepend_if_not_found: true, backup: false }, before: text('') },
]
/** They never change anything. */
const LOOKING = ['exists', 'missing']

it.each(CASES)('file.$fun $args', async ({ fun, args, before }) => {
  const machine = await fileStates()
  await machine.salt('t', 'a\n\nno newline')
  await machine.salt('bin', Buffer.from([0, 255, 10, 13]))
  await machine.salt(`tree/${'n'.repeat(255)}`, '1')
  await machine.salt('tree/sub/two\nlines', '2')
  await mkdir((await machine.salt('tree/empty/x', '')).replace('/x', '/y'))
  await before?.(machine)
  const { call, test } = machine.requiring([])
  const named = { name: machine.path('x'), ...args }
  const there = await machine.all()
  const told = await test(`file.${fun}`, named)
  expect(told).toMatchObject({ result: null, changes: expect.anything() })
  expect(told.changes).not.toEqual({})
  expect(await machine.all()).toEqual(there)
  const done = await call(`file.${fun}`, named)
  expect(done, JSON.stringify(done)).toMatchObject({ result: true })
  expect(done.changes).not.toEqual({})
  for (const again of [test, call, test])
    expect(await again(`file.${fun}`, named)).toMatchObject({ result: true, changes: {} })
})

it('are all there are', async () => {
  const names = (await loadFunctions('state')).names().filter(name => name.startsWith('file.'))
  const covered = [...new Set([...CASES.map(({ fun }) => fun), ...LOOKING])].map(fun => `file.${fun}`)
  expect(covered.sort()).toEqual(names.sort())
})
