// Records that a store never takes, kept beside the job cache by every cache worker of a machine.
import { readFile, stat } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { refusedRecords } from '../../src/cache/returning/refused.ts'
import { testFolder } from '../helpers/folder.ts'

const linesOf = async (file: string) =>
  (await readFile(file, 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))

it('are all kept where two cache workers write at once', async () => {
  const dir = await testFolder()
  const workers = [refusedRecords(dir, 'mysql'), refusedRecords(dir, 'mysql')]
  const keys = Array.from({ length: 200 }, (_, n) => `job-${n}`)
  await Promise.all(keys.map((key, n) => workers[n % 2]!.add(key, { reason: 'no', record: { text: 'é'.repeat(n) } })))
  const kept = await linesOf(workers[0]!.file)
  expect(kept.map(({ key }) => key).sort()).toEqual([...keys].sort())
  expect(kept.find(({ key }) => key === 'job-7')).toEqual({
    ...{ at: expect.stringMatching(/^\d{4}-/), key: 'job-7', reason: 'no' },
    record: { text: 'é'.repeat(7) },
  })
  expect((await stat(workers[0]!.file)).mode & 0o077).toBe(0)
})

it('are the last so many bytes, and as many before them', async () => {
  const dir = await testFolder()
  const most = 10_000
  const workers = [refusedRecords(dir, 'mysql', most), refusedRecords(dir, 'mysql', most)]
  for (let n = 0; n < 400; n++) await workers[n % 2]!.add(`${n}`, { reason: 'no', record: 'x'.repeat(100) })
  const { file } = workers[0]!
  const [before, last] = await Promise.all([`${file}.1`, file].map(linesOf))
  expect((await stat(file)).size).toBeLessThan(most + 500)
  expect((await stat(`${file}.1`)).size).toBeGreaterThan(most)
  const keys = [...before!, ...last!].map(({ key }) => Number(key))
  expect(keys).toEqual(keys.map((_, at) => 400 - keys.length + at))
})

it('are named, with the reason, where they are large', async () => {
  const refused = refusedRecords(await testFolder(), 'mysql')
  await refused.add('big', { reason: 'no', record: 'x'.repeat(300_000) })
  expect(await linesOf(refused.file)).toMatchObject([
    { key: 'big', reason: 'no', record: { _left_out: 'a record of 300002 bytes' } },
  ])
})
