import { appendFile, chmod, mkdir, open, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import inotify from '../../src/beacons/inotify.ts'
import type { Observation } from '../../src/functions/define-beacon.ts'
import { testFolder } from '../helpers/folder.ts'
import { untilTaken } from '../helpers/wait.ts'
import { openBeacon } from './open.ts'

type Seen = readonly [change: string, path: string]

/** A beacon on one path of a folder, and what it tells, with paths from the folder on. */
async function watched(
  path: string,
  options: Record<string, unknown> = {},
  before?: (folder: string) => Promise<unknown>,
) {
  const folder = await testFolder()
  await before?.(folder)
  const { poll, lines } = await openBeacon(inotify, { files: { [join(folder, path)]: options } })
  const all: Observation[] = []
  const look = async () => {
    all.push(...(await poll()))
  }
  const seen = (): Seen[] =>
    all.map(({ data }) => [data.change as string, (data.path as string).slice(folder.length + 1)])
  return {
    ...{ folder, all, look, lines, at: (name: string) => join(folder, name) },
    /** Resolves once exactly that was told since the last call, looks in between. */
    async tells(...expected: Seen[]) {
      await untilTaken(JSON.stringify(expected), async () => {
        await look()
        expect(seen()).toEqual(expected)
      })
      all.length = 0
    },
  }
}

describe('the beacon inotify, on a folder', () => {
  it('tells what is made, changed and deleted in it', async () => {
    const { at, tells, all, look } = await watched('d', {}, folder => mkdir(join(folder, 'd')))
    await writeFile(at('d/a'), '')
    await tells(['IN_CREATE', 'd/a'])
    await appendFile(at('d/a'), 'more')
    await tells(['IN_MODIFY', 'd/a'])
    await mkdir(at('d/sub'))
    await tells(['IN_CREATE|IN_ISDIR', 'd/sub'])
    await rm(at('d/a'))
    await untilTaken('the deletion', async () => {
      await look()
      expect(all).toEqual([{ tag: at('d'), data: { path: at('d/a'), change: 'IN_DELETE' } }])
    })
  })

  it('takes what was there before as it is', async () => {
    const { at, tells } = await watched('', {}, folder => writeFile(join(folder, 'old'), 'x'))
    await writeFile(at('new'), 'x')
    await tells(['IN_CREATE', 'new'])
  })

  it('tells a file that another was put in the place of as modified, as editors save', async () => {
    const { at, tells } = await watched('', { exclude: ['*.tmp'] }, folder => writeFile(join(folder, 'a'), 'one'))
    await writeFile(at('a.tmp'), 'two')
    await rename(at('a.tmp'), at('a'))
    await tells(['IN_MODIFY', 'a'])
  })

  it('tells of a file that was there between two looks alone', async () => {
    const { at, tells } = await watched('')
    await writeFile(at('a'), 'x')
    await rm(at('a'))
    await tells(['IN_CREATE', 'a'], ['IN_DELETE', 'a'])
  })

  it('tells what its mask has, and nothing else', async () => {
    const { at, tells } = await watched('', { mask: ['attrib', 'delete'] }, folder => writeFile(join(folder, 'a'), 'x'))
    await chmod(at('a'), 0o600)
    await tells(['IN_ATTRIB', 'a'])
    await appendFile(at('a'), 'more')
    await writeFile(at('b'), 'x')
    await rm(at('a'))
    await tells(['IN_DELETE', 'a'])
  })

  it.runIf(process.geteuid?.() === 0)('tells that a file was closed once nobody writes it any more', async () => {
    const { at, tells, look, all } = await watched('', { mask: ['create', 'close_write'] })
    const writer = await open(at('a'), 'w')
    onTestFinished(() => writer.close())
    await writer.write('half')
    await tells(['IN_CREATE', 'a'])
    await writer.write('whole')
    await look()
    expect(all).toEqual([])
    const reader = await open(at('a'))
    onTestFinished(() => reader.close())
    await writer.close()
    await tells(['IN_CLOSE_WRITE', 'a'])
    await appendFile(at('a'), 'more')
    await tells(['IN_CLOSE_WRITE', 'a'])
    await rename(at('a'), at('b'))
    await tells(['IN_CREATE', 'b'], ['IN_CLOSE_WRITE', 'b'])
  })

  it('refuses to tell of closing where it is not seen who writes', async () => {
    const geteuid = vi.spyOn(process, 'geteuid').mockReturnValue(1000)
    onTestFinished(() => geteuid.mockRestore())
    await expect(watched('', { mask: ['close_write'] })).rejects.toThrow("use 'modify'")
  })

  it('looks into folders in it where that is asked for, and into new ones where that is', async () => {
    const inside = (folder: string) => mkdir(join(folder, 'in/deep'), { recursive: true })
    const flat = await watched('', {}, inside)
    const deep = await watched('', { recurse: true, auto_add: true }, inside)
    for (const { at } of [flat, deep]) {
      await writeFile(at('in/deep/a'), '')
      await mkdir(at('new/er'), { recursive: true })
      await writeFile(at('new/er/b'), '')
    }
    await deep.tells(
      ['IN_CREATE|IN_ISDIR', 'new'],
      ['IN_CREATE|IN_ISDIR', 'new/er'],
      ['IN_CREATE', 'new/er/b'],
      ['IN_CREATE', 'in/deep/a'],
    )
    await flat.tells(['IN_CREATE|IN_ISDIR', 'new'])
    await writeFile(deep.at('new/er/c'), '')
    await untilTaken('the tag of the folder that it is in', async () => {
      await deep.look()
      expect(deep.all).toEqual([{ tag: deep.at('new/er'), data: { path: deep.at('new/er/c'), change: 'IN_CREATE' } }])
    })
  })

  it('passes over what is excluded: paths with all in them, globs, patterns', async () => {
    const folder = await testFolder()
    await mkdir(join(folder, 'cache'))
    const exclude = [join(folder, 'cache'), '*.swp', { '/[0-9]+$': { regex: true } }]
    const options = { files: { [folder]: { recurse: true, exclude } } }
    const { poll } = await openBeacon(inotify, options)
    for (const name of ['cache/a', 'a.swp', '123', 'cached', 'x1']) await writeFile(join(folder, name), '')
    const paths: unknown[] = []
    await untilTaken('the others', async () => {
      paths.push(...(await poll()).map(({ data }) => data.path))
      expect(paths).toEqual([join(folder, 'cached'), join(folder, 'x1')])
    })
  })

  it('goes on where the folder is deleted and made again, and where another takes its place', async () => {
    const { at, tells } = await watched('d', { recurse: true }, async folder => {
      await mkdir(join(folder, 'd/sub'), { recursive: true })
      await writeFile(join(folder, 'd/sub/a'), '')
    })
    await rm(at('d'), { recursive: true })
    await tells(['IN_DELETE', 'd/sub/a'], ['IN_DELETE|IN_ISDIR', 'd/sub'], ['IN_DELETE|IN_ISDIR', 'd'])
    await mkdir(at('e'))
    await writeFile(at('e/b'), '')
    await rename(at('e'), at('d'))
    await tells(['IN_CREATE|IN_ISDIR', 'd'], ['IN_CREATE', 'd/b'])
    await writeFile(at('d/c'), '')
    await tells(['IN_CREATE', 'd/c'])
  })

  it('tells a flood as far as is kept, says that there was more, and goes on', async () => {
    const { folder, all, look, lines, at, tells } = await watched('')
    const count = 2500
    for (let from = 0; from < count; from += 500)
      await Promise.all(Array.from({ length: 500 }, (_, n) => writeFile(join(folder, `f${from + n}`), '')))
    await look()
    expect(all).toHaveLength(2001)
    expect(all.at(-1)).toEqual({ tag: folder, data: { path: folder, change: 'IN_Q_OVERFLOW' } })
    expect(lines.items[0]!.msg).toContain('500 more changes of')
    all.length = 0
    await writeFile(at('last'), '')
    await tells(['IN_CREATE', 'last'])
  })
})

describe('the beacon inotify, on a file', () => {
  it('tells of one that is not there yet, is written, replaced, deleted and made again', async () => {
    const { at, tells } = await watched('new/a', { mask: ['create', 'modify', 'delete', 'attrib'] })
    await mkdir(at('new'))
    await writeFile(at('new/a'), 'x')
    await tells(['IN_CREATE', 'new/a'])
    await appendFile(at('new/a'), 'more')
    await tells(['IN_MODIFY', 'new/a'])
    await writeFile(at('b'), 'other')
    await rename(at('b'), at('new/a'))
    await tells(['IN_MODIFY', 'new/a'])
    await chmod(at('new/a'), 0o600)
    await tells(['IN_ATTRIB', 'new/a'])
    await rm(at('new/a'))
    await tells(['IN_DELETE', 'new/a'])
    await writeFile(at('new/a'), '')
    await tells(['IN_CREATE', 'new/a'])
  })

  it('says in the word that was asked for that it is gone, with its path as the tag', async () => {
    const { at, all, look } = await watched('a', { mask: ['delete_self'] }, folder => writeFile(join(folder, 'a'), ''))
    await rm(at('a'))
    await look()
    expect(all).toEqual([{ tag: at('a'), data: { path: at('a'), change: 'IN_DELETE_SELF' } }])
  })

  it('follows a symbolic link, also to another place', async () => {
    const { at, tells } = await watched('link', {}, async folder => {
      await writeFile(join(folder, 'one'), 'x')
      await writeFile(join(folder, 'two'), 'y')
      await symlink('one', join(folder, 'link'))
    })
    await appendFile(at('one'), 'more')
    await tells(['IN_MODIFY', 'link'])
    await rm(at('link'))
    await symlink('two', at('link'))
    await tells(['IN_MODIFY', 'link'])
    await appendFile(at('two'), 'more')
    await tells(['IN_MODIFY', 'link'])
  })
})

describe('options of the beacon inotify', () => {
  const open = (options: Record<string, unknown>) => openBeacon(inotify, { files: { '/etc/x': options } })

  it.each([
    ['moved_to', "use 'create'"],
    ['moved_from', "use 'delete'"],
    ['open', 'who opens and reads'],
    ['oneshot', 'option of pyinotify'],
    ['modfy', "Did you mean 'modify'?"],
  ])('refuse the mask %s, with the reason', async (mask, reason) => {
    await expect(open({ mask: [mask] })).rejects.toThrow(reason)
  })

  it('refuse what they do not know, and what cannot be', async () => {
    await expect(open({ recursive: true })).rejects.toThrow('recursive')
    await expect(open({ exclude: [{ '(?!a)': { regex: true } }] })).rejects.toThrow(
      'The pattern "(?!a)" cannot be used',
    )
    await expect(openBeacon(inotify, { files: { 'etc/x': {} } })).rejects.toThrow('absolute paths')
    await expect(openBeacon(inotify, { files: {} })).rejects.toThrow('at least one path')
    await expect(openBeacon(inotify, { files: { '/etc/x': {} }, coalesce: false })).rejects.toThrow('always told once')
  })
})
