import { appendFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import log from '../../src/beacons/log.ts'
import { LONGEST_LINE } from '../../src/execution/files/follow.ts'
import { testFolder } from '../helpers/folder.ts'
import { openBeacon } from './open.ts'

async function followed(content: string | undefined, regex = '.*bad.*') {
  const file = join(await testFolder(), 'x.log')
  if (content !== undefined) await writeFile(file, content)
  const { poll } = await openBeacon(log, { file, tags: { found: { regex } } })
  return { file, poll, raws: async () => (await poll()).map(({ data }) => data.raw) }
}

describe('the beacon log', () => {
  it('tells of appended lines that fit, under the name of the pattern', async () => {
    const file = join(await testFolder(), 'x.log')
    await writeFile(file, 'a bad old line\n')
    const tags = { 'login/failed': { regex: 'Failed (\\w+) for' }, root: { regex: '.*\\broot\\b' } }
    const { poll } = await openBeacon(log, { file, tags })
    expect(await poll()).toEqual([])
    await appendFile(file, 'Failed password for root\r\nall is well\nand Failed password for me\n')
    const data = { match: 'yes', raw: 'Failed password for root', error: '' }
    expect(await poll()).toEqual([
      { tag: 'login/failed', data },
      { tag: 'root', data },
    ])
    expect(await poll()).toEqual([])
  })

  it('waits for the end of a line, of one too that had no end at the start', async () => {
    const { file, raws } = await followed('old\nso ')
    await appendFile(file, 'bad')
    expect(await raws()).toEqual([])
    await appendFile(file, ' it is\nbad ä'.slice(0, -1))
    expect(await raws()).toEqual(['so bad it is'])
    await appendFile(file, Buffer.from([0xc3]))
    expect(await raws()).toEqual([])
    await appendFile(file, Buffer.from([0xa4, 0x0a]))
    expect(await raws()).toEqual(['bad ä'])
  })

  it('reads a renamed file to its end, and then the new one from its beginning', async () => {
    const { file, raws } = await followed('old\n')
    await appendFile(file, 'bad 1\n')
    await rename(file, `${file}.1`)
    expect(await raws()).toEqual(['bad 1'])
    // The writer has not been told yet.
    await appendFile(`${file}.1`, 'bad 2\nbad 3')
    await writeFile(file, 'bad 4\n')
    expect(await raws()).toEqual(['bad 2', 'bad 3', 'bad 4'])
    await appendFile(file, 'bad 5\n')
    expect(await raws()).toEqual(['bad 5'])
  })

  it('goes on from the beginning of a file that was emptied', async () => {
    const { file, raws } = await followed('a long old line\n')
    await truncate(file)
    await appendFile(file, 'bad\n')
    expect(await raws()).toEqual(['bad'])
  })

  it('says that there is no file, and reads one that comes from its beginning', async () => {
    const { file, poll, raws } = await followed(undefined)
    await expect(poll()).rejects.toThrow(`there is no file ${file}`)
    await writeFile(file, 'bad 1\n')
    expect(await raws()).toEqual(['bad 1'])
    await rm(file)
    expect(await raws()).toEqual([])
    await writeFile(file, 'bad 2\n')
    expect(await raws()).toEqual(['bad 2'])
  })

  it('tells a burst over several looks, none of it twice and none of it lost', async () => {
    const { file, raws } = await followed('')
    const lines = Array.from({ length: 2500 }, (_, n) => `bad ${n}`)
    await appendFile(file, `${lines.join('\n')}\n`)
    const looks = [await raws(), await raws(), await raws(), await raws()]
    expect(looks.map(found => found.length)).toEqual([1000, 1000, 500, 0])
    expect(looks.flat()).toEqual(lines)
  })

  it('gives the beginning of a line that is too long, once', async () => {
    const { file, raws } = await followed('')
    await appendFile(file, `bad ${'x'.repeat(300_000)}`)
    expect(await raws()).toEqual([`bad ${'x'.repeat(LONGEST_LINE - 4)}`])
    await appendFile(file, `${'bad '.repeat(100_000)}\nbad again\n`)
    expect(await raws()).toEqual(['bad again'])
  })

  it('fits from the beginning of a line on, as Salt does', async () => {
    const { file, raws } = await followed('', 'bad')
    await appendFile(file, 'not bad\nbad enough\n')
    expect(await raws()).toEqual(['bad enough'])
  })

  it('cannot be made to hang by a pattern', async () => {
    const { file, raws } = await followed('', '(a+)+$')
    await appendFile(file, `${'a'.repeat(10_000)}!\n`)
    expect(await raws()).toEqual([])
  })

  it('refuses patterns that cannot be used, and files that are none', async () => {
    const file = join(await testFolder(), 'x.log')
    const open = (regex: string) => openBeacon(log, { file, tags: { a: { regex } } })
    await expect(open('(?<!x)bad')).rejects.toThrow(
      '\'tags.a.regex\': The pattern "(?<!x)bad" cannot be used: look-ahead',
    )
    await expect(open('(a)\\1')).rejects.toMatchObject({ code: 'bad_config' })
    await expect(open('a)|(b')).rejects.toMatchObject({ code: 'bad_config' })
    await expect(open('x{1000}'.repeat(100))).rejects.toThrow('at most 10000')
    await expect(open('((x{30}y){30})*'.repeat(20))).rejects.toThrow('at most 10000')
    await expect(openBeacon(log, { file, tags: {} })).rejects.toThrow('at least one tag')
    await expect(openBeacon(log, { file: 'x.log', tags: { a: { regex: 'a' } } })).rejects.toThrow('absolute path')
    const folder = await testFolder()
    await expect(openBeacon(log, { file: folder, tags: { a: { regex: 'a' } } })).rejects.toThrow('no regular file')
  })
})
