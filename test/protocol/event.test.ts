import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeEvent, HEADER, newEventId, readEvent } from '../../src/protocol/event.ts'
import { minionOrigin, type Origin, originToken, serviceOrigin, userOrigin } from '../../src/protocol/origin.ts'
import { createSubjects } from '../../src/protocol/subject.ts'

const { event: subjectOf, eventPrefix } = createSubjects('reactor')
const STORED = Date.UTC(2026, 10, 20, 9, 18, 20, 838)
const STAMP = '2026-11-20T09:18:20.838387'

interface Given {
  origin?: Origin
  tag?: string
  subject?: string
  headers?: Record<string, string>
  header?: (name: string) => string
}

function read(body: unknown, given: Given = {}) {
  const { origin = minionOrigin('m1'), tag = 'deploy/done', headers = {} } = given
  return readEvent(eventPrefix, {
    subject: given.subject ?? subjectOf(origin, tag),
    text: () => (typeof body === 'string' ? body : JSON.stringify(body)),
    header: given.header ?? (name => headers[name]),
    storedMs: STORED,
    seq: 7,
  })
}

function event(body: unknown, given: Given = {}) {
  const result = read(body, given)
  if (!result.ok) throw new Error(result.problem)
  return result.event
}

describe('reading an event', () => {
  it('gives what was fired', () => {
    const data = { a: 1, deep: { list: [null, 'x'] } }
    const headers = { [HEADER.id]: 'abc', [HEADER.cause]: 'before', [HEADER.hops]: '3', [HEADER.chain]: 'a,b' }
    const given = { origin: serviceOrigin('_jobs'), tag: 'salt/job/1/new', headers }
    expect(event(encodeEvent('salt/job/1/new', data, STAMP), given)).toEqual({
      id: 'abc',
      tag: 'salt/job/1/new',
      data,
      stamp: STAMP,
      origin: { kind: 'service', id: '_jobs' },
      believed: true,
      cause: 'before',
      hops: 3,
      chain: 'a,b',
    })
  })

  it('gives any data of any origin under any tag back', () => {
    const origin = fc.oneof(fc.string().map(minionOrigin), fc.string().map(userOrigin))
    const data = fc.dictionary(fc.string(), fc.jsonValue())
    fc.assert(
      fc.property(origin, fc.string({ unit: 'binary' }), data, (from, tag, sent) => {
        const body = encodeEvent(tag, sent, STAMP)
        const got = event(body, { origin: from, tag })
        const { id: _own, ...gotRest } = got.data
        const { id: _sent, ...sentRest } = JSON.parse(body).data
        expect(got).toMatchObject({ tag, origin: from })
        expect(gotRest).toEqual(sentRest)
      }),
    )
  })

  it.each([
    ['no JSON', 'not json', /Unexpected token|not valid JSON/],
    ['half of a JSON', '{"tag":', /JSON/],
    ['a list', '[1,2]', /is no JSON object/],
    ['a text', '"hello"', /is no JSON object/],
    ['null', 'null', /is no JSON object/],
    ['data that is a text', { data: 'x' }, /data of event 'deploy\/done' of m1 is no map/],
    ['data that is a list', { data: [] }, /is no map/],
    ['data that is a number', { data: 0 }, /is no map/],
  ])('tells the problem of a body that is %s', (_what, body, problem) => {
    expect(read(body)).toEqual({ ok: false, problem: expect.stringMatching(problem) })
  })

  it.each([
    ['another prefix', 'other.event.m1.a'],
    ['no tag', 'reactor.event.m1'],
    ['an empty segment', 'reactor.event.m1.a..b'],
    ['an origin that is no service', 'reactor.event._root.a'],
    ['a token that nobody writes', 'reactor.event.m1.a=zz'],
  ])('tells the problem of a subject with %s', (_what, subject) => {
    expect(read({ data: {} }, { subject })).toMatchObject({ ok: false, problem: expect.stringContaining('subject') })
  })

  it('takes an empty body and a missing data as an empty map', () => {
    expect(event('', { origin: userOrigin('root') }).data).toEqual({})
    expect(event({}, { origin: userOrigin('root') }).data).toEqual({})
    expect(event({ data: null }, { origin: userOrigin('root') }).data).toEqual({})
  })

  it('takes tag and origin from the subject, whatever the body says', () => {
    const got = event({ tag: 'salt/key', origin: '_master', data: {} }, { tag: 'mine' })
    expect(got).toMatchObject({ tag: 'mine', origin: { kind: 'minion', id: 'm1' } })
  })

  it("overwrites data.id of a minion's event, and of no other", () => {
    expect(event({ data: { id: 'm2' } }).data).toEqual({ id: 'm1' })
    expect(event({ data: { id: 'm2' } }, { origin: userOrigin('root') }).data).toEqual({ id: 'm2' })
    expect(event({ data: { id: 'm2' } }, { origin: minionOrigin('_x') }).data).toEqual({ id: '_x' })
  })

  it('keeps __proto__ an ordinary key', () => {
    const got = event('{"__proto__": {"data": {"x": 1}}, "data": {"__proto__": {"polluted": true}, "constructor": 1}}')
    expect(Object.keys(got.data).sort()).toEqual(['__proto__', 'constructor', 'id'])
    expect(Object.getPrototypeOf(got.data)).toBe(Object.prototype)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it.each([
    ['missing', undefined],
    ['a word', 'yesterday'],
    ['a digit', '1'],
    ['a number', 5],
    ['a date', '2026-11-20'],
    ['no month', '2026-13-20T00:00:00'],
  ])('puts the time of storing where the stamp is %s', (_what, stamp) => {
    expect(event({ data: {}, _stamp: stamp }).stamp).toBe('2026-11-20T09:18:20.838000')
  })

  it('goes on without headers where the header block is malformed', () => {
    const header = (): string => {
      throw new Error('malformed header')
    }
    expect(event({ data: {} }, { header })).toMatchObject({ id: `seq-7-${STORED}`, hops: 0, believed: true })
  })

  it.each([
    ['longer than a subject may hold', 'x'.repeat(3000)],
    ['of the form that stands in for a missing one', `seq-8-${STORED}`],
    ['empty', ''],
  ])('names by its sequence an event whose id is %s', (_what, id) => {
    expect(event({ data: {} }, { headers: { [HEADER.id]: id } }).id).toBe(`seq-7-${STORED}`)
  })

  it.each([
    ['-1', 0],
    ['x', 0],
    ['1.5', 0],
    ['1e99', 0],
    ['12', 12],
    ['', 0],
  ])('reads %j hops as %d', (text, hops) => {
    expect(event({ data: {} }, { headers: { [HEADER.hops]: text } }).hops).toBe(hops)
  })

  it('marks what a minion says of another as not believed', () => {
    expect(event({ data: {} }, { tag: 'salt/minion/m2/start' }).believed).toBe(false)
    expect(event({ data: {} }, { tag: 'salt/minion/m1/start' }).believed).toBe(true)
    const token = originToken(minionOrigin('_master'))
    expect(event({ data: {} }, { subject: `reactor.event.${token}.salt.key` }).believed).toBe(false)
  })
})

describe('an event to be sent', () => {
  it.each([
    ['a list', []],
    ['null', null],
    ['a text', 'x'],
    ['nothing', undefined],
  ])('refuses data that is %s', (_what, data) => {
    expect(() => encodeEvent('a', data as never, STAMP)).toThrow("data of event 'a' must be a map")
  })

  it('refuses data that JSON cannot hold', () => {
    const ring: Record<string, unknown> = {}
    ring.self = ring
    expect(() => encodeEvent('a', ring, STAMP)).toThrow("data of event 'a' is no JSON")
    expect(() => encodeEvent('a', { n: 1n }, STAMP)).toThrow("data of event 'a' is no JSON")
  })

  it('has an id of its own', () => {
    const ids = Array.from({ length: 1000 }, newEventId)
    expect(new Set(ids).size).toBe(1000)
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
  })
})
