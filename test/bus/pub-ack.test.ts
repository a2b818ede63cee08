import { describe, expect, it } from 'vitest'
import { isOvertaken, isTaken, readAck } from '../../src/bus/pub-ack.ts'

const answer = (body: unknown) =>
  readAck({ data: new Uint8Array(1), string: () => (typeof body === 'string' ? body : JSON.stringify(body)) } as never)
const refusal = (err_code: number, description: string, code = 400) =>
  answer({ error: { code, err_code, description }, stream: 'S', seq: 0 })

describe('the answer of a stream', () => {
  it('is its ack', () => {
    expect(answer({ stream: 'S', seq: 7 })).toEqual({ seq: 7, duplicate: false })
    expect(answer({ stream: 'S', seq: 7, duplicate: true })).toEqual({ seq: 7, duplicate: true })
  })

  it.each([
    [10071, 'wrong last sequence: 5'],
    [10164, 'wrong last sequence'],
  ])('says by %i that another message was first', (code, text) => {
    const refused = refusal(code, text)
    expect([isOvertaken(refused), isTaken(refused)]).toEqual([true, false])
  })

  it('says that a subject is taken', () => {
    const refused = refusal(10077, 'maximum messages per subject exceeded', 503)
    expect([isOvertaken(refused), isTaken(refused)]).toEqual([false, true])
  })

  it.each([
    [10158, 'another is in process', 400, /nodes of the NATS cluster/],
    [10008, 'JetStream system temporarily unavailable', 503, /temporarily unavailable/],
  ])('is none yet where it says %i', (err, text, code, reads) => {
    expect(refusal(err, text, code)).toMatch(reads)
  })

  it('that is no ack is a refusal', () => {
    expect(answer('nonsense')).toMatchObject({
      code: 'store_refused',
      message: "the store answered 'nonsense', which is no ack",
    })
  })
})
