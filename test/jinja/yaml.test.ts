import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readYaml, writeYaml } from '../../src/jinja/yaml.ts'
import recorded from './yaml-cases.json' with { type: 'json' }

const read = (text: string) => readYaml(text, { path: 'web.sls' })

describe('YAML', () => {
  it.each(recorded.texts as [string, unknown][])('%j is read as Salt reads it', (text, expected) => {
    expect(read(text)).toEqual(expected)
  })

  it.each(recorded.errors)('%j is refused, as by Salt', text => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: 'template', details: expect.objectContaining({ line: expect.any(Number) }) }),
    )
  })
})

describe('YAML as it is read', () => {
  it('names a wrong line, and shows it with its neighbours', () => {
    expect(() => read('a: 1\nb:\n  - x\n  - y: {\nc: 2\n')).toThrow(
      /; line \d of web\.sls\n\n---\na: 1\n[\s\S]* {4}<=+\n/,
    )
    expect(() => read('a: 1\nb: 2\na: 3\n')).toThrow(
      "found conflicting ID 'a'; line 3 of web.sls\n\n---\na: 1\nb: 2\na: 3    <====",
    )
    expect(() => read('a:\n\tb: 1\n')).toThrow('Illegal tab character; line 2 of web.sls')
  })

  it('has text for keys, so that a number and its text are the same key', () => {
    expect(read('80: a\ntrue: b')).toEqual({ 80: 'a', true: 'b' })
    expect(() => read('80: a\n"80": b')).toThrow("found conflicting ID '80'; line 2")
    expect(() => read('{{ x }}: 1')).toThrow('found unhashable key: a key is text')
  })

  it('may have very many keys: none is compared with all the others', () => {
    const many = Array.from({ length: 20_000 }, (_, n) => `k${n}: ${n}`)
    expect(() => read([...many, 'k7: 1'].join('\n'))).toThrow("found conflicting ID 'k7'; line 20001")
  })

  it('refuses numbers that would not stay what they are', () => {
    expect(() => read('jid: 20261122175204123456')).toThrow('is too large to stay exact: quote it; line 1')
    expect(() => read('n: .inf')).toThrow('quote it')
  })

  it('keeps a key of __proto__ a key', () => {
    const value = read('__proto__: {polluted: 1}') as object
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(({} as { polluted?: 1 }).polluted).toBeUndefined()
  })

  it('does not grow without bound by aliases', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 12; i++)
      lines.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      )
    expect(() => read(lines.join('\n'))).toThrow('Excessive alias count')
  })

  it('takes tags that it is given, and no others', () => {
    const upper = { tag: '!upper', resolve: (text: string) => text.toUpperCase() }
    expect(readYaml('a: !upper x', { path: '', tags: [upper] })).toEqual({ a: 'X' })
    expect(() => read('a: !upper x')).toThrow("could not determine a constructor for the tag '!upper'")
  })
})

describe('YAML as it is written', () => {
  it.each([
    [{ a: 1, b: [1, 'x'] }, '{a: 1, b: [1, x]}'],
    ['yes', "'yes'"],
    ['0644', "'0644'"],
    [true, 'true'],
    [null, 'null'],
    ['a\nb: c', '"a\\nb: c"'],
    ['', "''"],
  ])('%j is %j, on one line', (value, text) => {
    expect(writeYaml(value)).toBe(text)
  })

  it('is read back as what it was', () => {
    const scalar = fc.oneof(
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    )
    const odd = fc.constantFrom(
      'yes',
      'Off',
      '0644',
      '1:30',
      '~',
      '1e3',
      '.5',
      '<<',
      '=',
      ' x',
      'x ',
      '#',
      'a: b',
      '- a',
      '!x',
      '&x',
      '*x',
      '%',
      '@',
      '2024-01-01',
    )
    const value = fc.letrec(tie => ({
      value: fc.oneof(
        { maxDepth: 3 },
        scalar,
        odd,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.oneof(fc.string(), odd), tie('value'), { maxKeys: 4 }),
      ),
    })).value
    fc.assert(
      fc.property(value, fc.boolean(), (one, block) => {
        expect(read(writeYaml(one, block))).toEqual(JSON.parse(JSON.stringify(one)))
      }),
      { numRuns: 300 },
    )
  })
})
