import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createJidSource, isJid, jidOfWork, jidTime, readJid } from '../../src/protocol/jid.ts'

describe('jids of one process', () => {
  it('are 20 digits, grow and never repeat, however fast they are drawn', () => {
    const next = createJidSource()
    const jids = Array.from({ length: 100_000 }, next)
    expect(jids.every(isJid)).toBe(true)
    expect(new Set(jids).size).toBe(100_000)
    expect(jids.every((jid, i) => i === 0 || jid > jids[i - 1]!)).toBe(true)
  })

  it('grow although the clock is set back', () => {
    const times = [1000, 2000, 500, 500, 3000]
    const next = createJidSource(() => times.shift()!)
    const jids = Array.from({ length: 5 }, next)
    expect([...jids].sort()).toEqual(jids)
    expect(new Set(jids).size).toBe(5)
  })

  it('tell when they were made', () => {
    const made = Date.UTC(2026, 10, 20, 9, 18, 20, 838)
    expect(createJidSource(() => made)()).toMatch(/^20261120091820838\d{3}$/)
    expect(jidTime('20261120091820838387')).toBeCloseTo(made + 0.387, 3)
  })
})

it('jids of processes that start in the same millisecond begin apart', () => {
  const made = Date.UTC(2026, 10, 20)
  const firsts = Array.from({ length: 50 }, () => createJidSource(() => made)())
  expect(new Set(firsts).size).toBeGreaterThan(25)
})

describe('the jid of a piece of work', () => {
  const cause = Date.UTC(2026, 10, 20, 9, 18, 20, 838)

  it('is the same whoever asks, within the second of its cause', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(1000), (name, probe) => {
        const jid = jidOfWork(cause, name, 'record', probe)
        expect(jid).toMatch(/^20261120091820\d{6}$/)
        expect(jidOfWork(cause + 0.4, name, 'record', probe)).toBe(jid)
      }),
    )
  })

  it('is of the half of its taker, as fresh ones are of that of records', () => {
    const last = (jid: string) => Number(jid.at(-1)) % 2
    const next = createJidSource()
    for (let i = 0; i < 2000; i++) {
      expect(last(jidOfWork(cause, `event/rule/${i}`, 'record', i % 7))).toBe(1)
      expect(last(jidOfWork(cause, `event/rule/${i}`, 'announcement', i % 7))).toBe(0)
      expect(last(next())).toBe(1)
    }
  })

  it('differs for other work, nearly always, and for the next probe, always', () => {
    const jids = new Set(Array.from({ length: 1000 }, (_, i) => jidOfWork(cause, `event/rule/${i}`, 'record')))
    expect(jids.size).toBeGreaterThan(990)
    const probes = new Set(Array.from({ length: 1000 }, (_, probe) => jidOfWork(cause, 'event/rule', 'record', probe)))
    expect(probes.size).toBe(1000)
  })
})

it.each([
  ['', false],
  ['2026112009182083838', false],
  ['202611200918208383871', false],
  ['2026112009182083838x', false],
  [20261120, false],
  [null, false],
  ['20261120091820838387', true],
])('isJid(%j) is %s', (text, is) => {
  expect(isJid(text)).toBe(is)
})

it('a jid as typed is 20 digits that begin with a time', () => {
  const jid = '20261120091820837210'
  expect(readJid(jid)).toBe(jid)
  for (const text of ['123', '', 'nonsense', `${jid}0`, ` ${jid}`, '20261320091820837210', '20261120256143644180'])
    for (const code of ['usage', 'bad_argument'] as const)
      expect(() => readJid(text, code)).toThrow(
        expect.objectContaining({ code, message: expect.stringContaining(`'${text}' is no jid: a jid is 20 digits`) }),
      )
})
