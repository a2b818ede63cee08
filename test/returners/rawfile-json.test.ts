import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { ReturnerStore } from '../../src/functions/define-returner.ts'
import { createStores } from '../../src/returner/open.ts'
import rawfileJson from '../../src/returners/rawfile_json.ts'
import { eventOf, returnerContract, returnOf } from '../contract/returners.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'

returnerContract('rawfile_json', rawfileJson, () => {
  const dir = mkdtempSync(join(tmpdir(), 'reactor-rawfile-'))
  return {
    settings: { 'rawfile_json.filename': join(dir, 'events') },
    remove: () => rm(dir, { recursive: true }),
  }
})

const openOn = async (filename: string): Promise<Required<ReturnerStore>> => {
  const stores = createStores({
    returners: { names: () => ['rawfile_json'], load: async () => rawfileJson },
    settings: { 'rawfile_json.filename': filename },
    log: keptLog().log,
    id: 'test',
    profiles: { smtp: {}, http: {} },
  })
  onTestFinished(() => stores.close())
  return (await stores.open('rawfile_json')) as Required<ReturnerStore>
}

const JID = '20261120091820838387'
const linesOf = async (file: string) => {
  const text = await readFile(file, 'utf8')
  expect(text.at(-1)).toBe('\n')
  return text.slice(0, -1).split('\n')
}

it('a line of JSON is written for each return and each event, to a file that its owner alone reads', async () => {
  const file = join(await testFolder(), 'made', 'on the way', 'events')
  const store = await openOn(file)
  const odd = returnOf(JID, 'web1', { return: 'one\ntwo\u2028\u0000\ud83d' })
  await store.returner([odd, returnOf(JID, 'web2')])
  await store.event_return([eventOf('event-1')])
  expect((await linesOf(file)).map(line => JSON.parse(line))).toEqual([odd, returnOf(JID, 'web2'), eventOf('event-1')])
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

it('batches that are written at once, by several, do not mix', async () => {
  const dir = await testFolder()
  const stores = await Promise.all([openOn(join(dir, 'events')), openOn(join(dir, '.', 'events'))])
  const filler = 'x'.repeat(50_000)
  const batch = (n: number) => Array.from({ length: 5 }, (_, i) => returnOf(JID, `${n}-${i}`, { return: filler }))
  await Promise.all(Array.from({ length: 40 }, (_, n) => stores[n % 2]!.returner(batch(n))))
  const lines = await linesOf(join(dir, 'events'))
  const ids = lines.filter(line => line !== '').map(line => JSON.parse(line).id as string)
  expect(ids).toHaveLength(200)
  for (let at = 0; at < ids.length; at += 5)
    expect(ids.slice(at, at + 5)).toEqual(batch(Number.parseInt(ids[at]!, 10)).map(({ id }) => id))
})

it('a file that was renamed is left alone, and a new one made', async () => {
  const file = join(await testFolder(), 'events')
  const store = await openOn(file)
  await store.returner([returnOf(JID, 'before')])
  await rename(file, `${file}.1`)
  await store.returner([returnOf(JID, 'after')])
  expect(
    [await linesOf(`${file}.1`), await linesOf(file)].map(lines => lines.map(line => JSON.parse(line).id)),
  ).toEqual([['before'], ['after']])
})

it('half a line that was left by another ends where the next begins', async () => {
  const file = join(await testFolder(), 'events')
  await writeFile(file, '{"id": "who di')
  const store = await openOn(file)
  await store.returner([returnOf(JID, 'web1')])
  expect(await linesOf(file)).toEqual(['{"id": "who di', JSON.stringify(returnOf(JID, 'web1'))])
})

it.runIf(process.platform === 'linux')('of a batch that does not fit nothing stays', async () => {
  const file = join(await testFolder(), 'events')
  const store = await openOn(file)
  await store.returner([returnOf(JID, 'before')])
  const { size } = await stat(file)
  const batch = [returnOf(JID, 'fits'), returnOf(JID, 'does not')]
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`])
  limit(String(size + JSON.stringify(batch[0]).length + 20))
  try {
    await expect(store.returner(batch)).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringMatching(/^cannot append to .*events: only \d+ of \d+ bytes went in; is the disk full\?$/),
    })
  } finally {
    limit('unlimited')
  }
  expect((await linesOf(file)).map(line => JSON.parse(line).id)).toEqual(['before'])
  await store.returner(batch)
  expect((await linesOf(file)).map(line => JSON.parse(line).id)).toEqual(['before', 'fits', 'does not'])
})

it('a file that cannot be written is named, and what is no JSON refused', async () => {
  const dir = await testFolder()
  await expect((await openOn(dir)).returner([returnOf(JID, 'web1')])).rejects.toMatchObject({
    code: 'unwritable',
    message: expect.stringContaining(`cannot append to ${dir}: EISDIR`),
  })
  await expect(
    (await openOn(join(dir, 'events'))).returner([returnOf(JID, 'web1', { return: 1n })]),
  ).rejects.toMatchObject({
    code: 'record_refused',
    message: `the return of web1 to job ${JID} cannot be written as JSON: Do not know how to serialize a BigInt`,
  })
  await expect(openOn('events')).rejects.toMatchObject({
    code: 'bad_config',
    message: "'rawfile_json.filename': expected an absolute path",
  })
})
