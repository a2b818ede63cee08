import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatOrigin,
  minionOrigin,
  originToken,
  parseOrigin,
  SERVICES,
  serviceOrigin,
  userOrigin,
} from '../../src/protocol/origin.ts'
import { tagToTokens, tokensToTag } from '../../src/protocol/tag.ts'
import { escapeId, escapeToken, unescapeId, unescapeToken } from '../../src/protocol/token.ts'
import { IDS, origin, tag, text } from '../helpers/arbitrary.ts'

const TOKEN = /^[A-Za-z0-9_=-]+$/

describe('a token', () => {
  it('gives back any Unicode text, as one token', () => {
    fc.assert(
      fc.property(text, one => {
        expect(escapeToken(one)).toMatch(TOKEN)
        expect(unescapeToken(escapeToken(one))).toBe(one)
        expect(escapeId(one)).toMatch(TOKEN)
        expect(unescapeId(escapeId(one))).toBe(one)
      }),
      { numRuns: 2000 },
    )
  })

  it('is shared by no two texts and no two ids', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(escapeToken(a) === escapeToken(b)).toBe(a === b)
        expect(escapeId(a) === escapeId(b)).toBe(a === b)
      }),
      { numRuns: 2000 },
    )
    expect(new Set(IDS.map(escapeId)).size).toBe(IDS.length)
  })

  it('reads only what it has written', () => {
    const token = fc.string({
      unit: fc.constantFrom('=', '5', 'F', '2', 'E', 'a', '_', '-', '.', 'C', '3', ' '),
      maxLength: 8,
    })
    fc.assert(
      fc.property(token, one => {
        for (const [read, write] of [
          [unescapeToken, escapeToken],
          [unescapeId, escapeId],
        ] as const) {
          let back: string
          try {
            back = read(one)
          } catch (error) {
            expect(error).toMatchObject({ code: 'bad_event' })
            continue
          }
          expect(write(back)).toBe(one)
        }
      }),
      { numRuns: 5000 },
    )
  })

  it.each(['', '=4', '=4g', '=2e', '=41', '=5F', '=C3', '=FF', '=ED=A0=80', 'a.b', 'a b', '*', 'a='])(
    'refuses to read %j',
    token => {
      expect(() => unescapeToken(token)).toThrow('is not a subject token')
    },
  )

  it.each(['', '_', '_master', '=5F='])('refuses to read %j as an id', token => {
    expect(() => unescapeId(token)).toThrow('is not a subject token')
  })

  it.each(['\ud800', 'a\udfffb', '\udc00\ud800'])('refuses a lone surrogate (%j)', one => {
    expect(() => escapeToken(one)).toThrow('lone surrogate')
    expect(() => escapeId(one)).toThrow('lone surrogate')
    expect(() => tagToTokens(`a/${one}/b`)).toThrow('lone surrogate')
  })
})

describe('a tag', () => {
  it('comes back as it went, one token a segment', () => {
    fc.assert(
      fc.property(tag, one => {
        const tokens = tagToTokens(one)
        expect(tokens.split('.')).toHaveLength(one.split('/').length)
        for (const token of tokens.split('.')) expect(token).toMatch(TOKEN)
        expect(tokensToTag(tokens)).toBe(one)
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['salt/beacon/m/load/', 'salt.beacon.m.load.='],
    ['/', '=.='],
    ['', '='],
    ['a//b', 'a.=.b'],
    ['*/>', '=2A.=3E'],
    ['a.b/c', 'a=2Eb.c'],
  ])('%j is %j', (one, tokens) => {
    expect(tagToTokens(one)).toBe(tokens)
  })

  it.each(['a..b', '.a', 'a.', 'a.*', '>'])('refuses to read %j', tokens => {
    expect(() => tokensToTag(tokens)).toThrow('is not a subject token')
  })
})

describe('an origin', () => {
  it('comes back as it went, and is shared by no two', () => {
    fc.assert(
      fc.property(origin, origin, (a, b) => {
        expect(parseOrigin(originToken(a))).toEqual(a)
        const same = a.kind === b.kind && a.id === b.id
        expect(originToken(a) === originToken(b)).toBe(same)
        expect(formatOrigin(a) === formatOrigin(b)).toBe(same)
      }),
      { numRuns: 2000 },
    )
    const all = [...IDS.map(minionOrigin), ...IDS.map(userOrigin), ...SERVICES.map(serviceOrigin)]
    expect(new Set(all.map(originToken)).size).toBe(all.length)
    expect(new Set(all.map(formatOrigin)).size).toBe(all.length)
  })

  it('of a minion is never that of a service or a user', () => {
    fc.assert(
      fc.property(text, id => {
        expect(originToken(minionOrigin(id))).not.toMatch(/^_/)
      }),
    )
  })

  it.each(['_', '_root', '_master2', '_user', '_user-', '_Master'])('refuses to read %j', token => {
    expect(() => parseOrigin(token)).toThrow(/is no origin|is not a subject token/)
  })
})
