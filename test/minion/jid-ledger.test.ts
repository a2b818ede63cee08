import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openJidLedger } from '../../src/minion/jid-ledger.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import { testFolder } from '../helpers/folder.ts'

const newJid = createJidSource()

describe("the minion's ledger of jids", () => {
  it('takes each jid once, also when it comes twice at the same time', async () => {
    const ledger = await openJidLedger(join(await testFolder(), 'jids'))
    const [a, b] = [newJid(), newJid()]
    expect(await Promise.all([ledger.take(a), ledger.take(a), ledger.take(b)])).toEqual([true, false, true])
    expect(await ledger.take(a)).toBe(false)
    await ledger.close()
  })

  it('remembers over a restart', async () => {
    const file = join(await testFolder(), 'deep', 'jids')
    const jids = Array.from({ length: 20 }, newJid)
    const first = await openJidLedger(file)
    for (const jid of jids) await first.take(jid)
    await first.close()
    const second = await openJidLedger(file)
    expect(await Promise.all(jids.map(jid => second.take(jid)))).toEqual(jids.map(() => false))
    expect(await second.take(newJid())).toBe(true)
    await second.close()
  })

  it('loses no jid to a line that was cut short', async () => {
    const file = join(await testFolder(), 'jids')
    const [old, taken] = [newJid(), newJid()]
    await writeFile(file, `${old}\n2026112009`)
    const first = await openJidLedger(file)
    await first.take(taken)
    await first.close()
    const second = await openJidLedger(file)
    expect([await second.take(old), await second.take(taken)]).toEqual([false, false])
    await second.close()
  })

  it('forgets the oldest when it is opened with too many', async () => {
    const file = join(await testFolder(), 'jids')
    const jids = Array.from({ length: 100_005 }, newJid)
    await writeFile(file, `${jids.join('\n')}\n`)
    const ledger = await openJidLedger(file)
    const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean)
    expect([lines.length, lines[0], lines.at(-1)]).toEqual([100_000, jids[5], jids.at(-1)])
    expect([await ledger.take(jids[4]!), await ledger.take(jids[5]!)]).toEqual([true, false])
    await ledger.close()
  })

  it('says so when its file cannot be written or read', async () => {
    const dir = await testFolder()
    await mkdir(join(dir, 'jids'))
    await expect(openJidLedger(join(dir, 'jids'))).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining('jids cannot be written'),
    })
    await writeFile(join(dir, 'file'), '')
    await expect(openJidLedger(join(dir, 'file', 'jids'))).rejects.toMatchObject({ code: 'unwritable' })
  })

  it('refuses a jid that it could not write down, however often it comes', async () => {
    const ledger = await openJidLedger(join(await testFolder(), 'jids'))
    await ledger.close()
    const jid = newJid()
    await expect(ledger.take(jid)).rejects.toMatchObject({ code: 'unwritable' })
    await expect(ledger.take(jid)).rejects.toMatchObject({ code: 'unwritable' })
  })
})
