import { headers, MsgHdrsImpl } from '@nats-io/transport-node'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import '../../src/bus/headers.ts'

const read = (text: string) => {
  const found = MsgHdrsImpl.decode(Buffer.from(text))
  return { status: found.status, headers: Object.fromEntries(found.headers) }
}

describe('a header block', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9-]{1,12}$/)
  const value = fc.string({ unit: 'binary', maxLength: 20 }).map(text => text.replace(/[\r\n]/g, ' ').trim())

  it('gives back what the client wrote', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 8 }), pairs => {
        const written = headers() as MsgHdrsImpl
        for (const [key, text] of pairs) written.append(key, text)
        const found = MsgHdrsImpl.decode(written.encode())
        expect([...found.headers]).toEqual([...written.headers])
        expect(found.status).toBe(written.status)
      }),
    )
  })

  it('has its status, with and without a description', () => {
    expect(read('NATS/1.0 404 No Messages\r\n\r\n').status).toBe('404 No Messages')
    expect(read('NATS/1.0 503\r\nA: b\r\n\r\n')).toEqual({ status: '503', headers: { A: ['b'] } })
  })

  it.each([
    ['a name with a space', 'a name: x'],
    ['a name beyond ASCII', 'größe: x'],
    ['a line feed within a value', 'A: x\ny: z'],
    ['a line without a colon', 'nothing'],
    ['no name', ': x'],
  ])('loses a line with %s, and no other', (_what, line) => {
    expect(read(`NATS/1.0\r\nFirst: 1\r\n${line}\r\nLast: 2\r\n\r\n`).headers).toEqual({ First: ['1'], Last: ['2'] })
  })

  it('never throws, whatever its bytes are', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), bytes => void MsgHdrsImpl.decode(bytes)))
  })
})
