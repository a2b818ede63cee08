// Opening returners: one that does not come to its end, and settings that a call brings along.
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ReactorError } from '../../src/base/errors.ts'
import { returner } from '../../src/functions/define-returner.ts'
import { findReturners, type Returners, withReturner } from '../../src/returner/load.ts'
import { createStores } from '../../src/returner/open.ts'
import { optionsOf, unknownToAll } from '../../src/returner/options.ts'
import { keptLog } from '../helpers/core.ts'
import { createGate, createSeen } from '../helpers/wait.ts'

const shipped = await findReturners()
const place = (returners: Returners, openWithinMs = 20) =>
  createStores({
    ...{ returners, openWithinMs, settings: {}, log: keptLog().log, id: 'm1' },
    profiles: { smtp: {}, http: {} },
  })

describe('a returner that does not come to an end', () => {
  it('of opening has failed after its time, is opened anew, and closed where it comes late', async () => {
    const opened = createSeen<number>()
    const closed = createSeen<number>()
    const gate = createGate()
    const definition = returner({
      doc: 'Opens late at first.',
      can: ['returner'],
      async open() {
        const n = opened.items.length
        opened.push(n)
        if (n === 0) await gate.passed
        return { returner: async () => undefined, close: async () => closed.push(n) }
      },
    })
    const stores = place(withReturner(shipped, 'late', definition))
    await expect(stores.open('late')).rejects.toMatchObject({
      code: 'timeout',
      message: "opening the returner 'late' gave no answer within 20ms",
    })
    await stores.open('late')
    expect(opened.items).toEqual([0, 1])
    gate.open()
    await closed.find(n => n === 0, 'the end of the late one')
    expect(closed.items).toEqual([0])
    await stores.close()
    expect(closed.items).toEqual([0, 1])
  })

  it('of loading has failed after its time', async () => {
    const stores = place({ names: () => ['late'], load: () => new Promise(() => undefined) })
    await expect(stores.open('late')).rejects.toMatchObject({ code: 'timeout' })
  })
})

describe('settings that a call brings along', () => {
  const definition = returner({
    doc: 'Has two.',
    options: { host: z.string(), port: z.number().default(1) },
    can: ['returner'],
    open: () => ({ close: async () => undefined }),
  })

  it('are taken where the returner has them, and others are for others', () => {
    const settings = { 'own.host': 'db1' }
    const return_kwargs = { port: 2, filename: '/tmp/x' }
    expect(optionsOf('own', definition, settings, { return_kwargs })).toEqual({ host: 'db1', port: 2 })
    expect(() => optionsOf('own', definition, settings, { return_kwargs: { port: 'two' } })).toThrow("'own.port'")
    expect(() => optionsOf('own', definition, { ...settings, 'own.hots': 1 })).toThrow("unknown setting 'own.hots'")
  })

  it('are unknown where none of its returners has them', async () => {
    const returners = withReturner(shipped, 'own', definition)
    const unknown = (...names: string[]) => unknownToAll(names, { port: 2, filename: '/tmp/x', dbb: 1 }, returners)
    expect(await unknown('own')).toEqual(['filename', 'dbb'])
    expect(await unknown('own', 'rawfile_json')).toEqual(['dbb'])
    expect(await unknown('own', 'nosuch')).toEqual(['filename', 'dbb'])
    expect(await unknown('nosuch')).toEqual([])
    await expect(returners.load('nosuch')).rejects.toThrow(ReactorError)
  })
})
