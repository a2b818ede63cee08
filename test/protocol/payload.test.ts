import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  collectPayload,
  isStoredName,
  payloadOf,
  payloadProblem,
  readPartHeader,
  splitPayload,
  storedName,
} from '../../src/protocol/payload.ts'
import { text } from '../helpers/arbitrary.ts'

const JID = '20261121093000123456'
const split = (value: unknown, maxPayload = 8192 + 10) =>
  splitPayload(JID, Buffer.from(JSON.stringify(value)), maxPayload)

describe('a value larger than a message', () => {
  it('is cut into parts and put together again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.integer({ min: 1, max: 50 }), async (value, partBytes) => {
        const { ref, parts } = split(value, 8192 + partBytes)
        expect(payloadProblem(ref)).toBeUndefined()
        expect(parts.every(part => part.length <= partBytes)).toBe(true)
        const wanted: unknown = JSON.parse(JSON.stringify(value))
        expect(await collectPayload(ref, async part => parts[part]!)).toEqual(wanted)
      }),
    )
  })

  it.each<[string, (parts: Uint8Array[]) => Uint8Array[], RegExp]>([
    ['a part that is another', parts => parts.with(1, Buffer.from('..........')), /is not the bytes whose hash/],
    ['a part that is shorter', parts => parts.with(2, parts[2]!.subarray(1)), /has 32 bytes, and its return says 33/],
    ['a part that is longer', parts => parts.with(0, Buffer.alloc(500)), /has more than the 33 bytes/],
    ['parts in another order', parts => [parts[1]!, parts[0]!, ...parts.slice(2)], /is not the bytes whose hash/],
  ])('is refused with %s', async (_what, change, message) => {
    const { ref, parts } = split(`${'0123456789'.repeat(3)}!`)
    const changed = change(parts)
    await expect(collectPayload(ref, async part => changed[part]!)).rejects.toMatchObject({
      code: 'damaged_payload',
      message: expect.stringMatching(message),
    })
  })

  it('is refused where it is no JSON', async () => {
    const { ref, parts } = splitPayload(JID, Buffer.from('{"a'), 10_000)
    await expect(collectPayload(ref, async part => parts[part]!)).rejects.toThrow(/is no JSON/)
  })

  it('cannot have more parts than there may be', () => {
    expect(() => splitPayload(JID, Buffer.alloc(10_001), 8193)).toThrow(/10001 bytes are more .* \(10000\)/)
  })
})

describe('the name of a payload', () => {
  it('as stored belongs to one minion, whatever the minion calls it', () => {
    const own = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
    fc.assert(
      fc.property(text, text, own, own, (one, two, a, b) => {
        fc.pre(one !== two)
        expect(storedName(one, a)).not.toBe(storedName(two, b))
        expect(storedName(one, a).startsWith('_')).toBe(false)
        expect(isStoredName(storedName(one, a))).toBe(true)
      }),
    )
  })

  it('of a ref leads to the minion that made it', () => {
    const { ref } = split('x')
    expect(payloadOf('web.1', ref)).toEqual({ ...ref, name: `web=2E1.${JID}` })
  })

  it.each([
    ['x/0', { name: 'x', part: 0 }],
    [`${JID}/12`, { name: JID, part: 12 }],
    ['m2.x/0', undefined],
    ['../x/0', undefined],
    ['x/', undefined],
    ['x/-1', undefined],
    ['x/1.5', undefined],
    ['x/10000', undefined],
    ['x/0/1', undefined],
    ['/0', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('and its part in the header %j is %j', (header, wanted) => {
    expect(readPartHeader(header)).toEqual(wanted)
  })
})
