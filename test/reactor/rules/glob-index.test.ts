import fc from 'fast-check'
import micromatch from 'micromatch'
import { describe, expect, it } from 'vitest'
import { escapeToken } from '../../../src/protocol/token.ts'
import { createGlobIndex } from '../../../src/reactor/rules/glob-index.ts'

const tokensOf = (tag: string) => tag.split('/').map(escapeToken)
const matches = (on: string | string[], tag: string) =>
  createGlobIndex([{ on: [on].flat(), value: true }]).match(tokensOf(tag)).length > 0
/** The oracle: braces expanded first, for inside of braces micromatch reads a globstar in its own way. */
const matchersOf = (globs: string | string[]) =>
  [globs]
    .flat()
    .flatMap(glob => micromatch.braces(glob, { expand: true }).map(one => micromatch.matcher(one, { dot: true })))
const oracle = (globs: string | string[]) => {
  const matchers = matchersOf(globs)
  return (tag: string) => matchers.some(isMatch => isMatch(tag))
}

const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-', '1'), minLength: 1, maxLength: 4 })
const tag = fc.array(text, { minLength: 1, maxLength: 5 }).map(parts => parts.join('/'))
const wild = fc.constantFrom(
  '*',
  '?',
  '[ab]',
  '[^a]',
  '[a-c]',
  '{a,b}',
  '{a,bc,1}',
  '@(a|b)',
  '?(a)',
  '+(a|b)',
  '*(ab)',
)
const segment = fc.oneof(
  { weight: 3, arbitrary: text },
  { weight: 2, arbitrary: fc.constantFrom('*', '**') },
  { weight: 2, arbitrary: fc.tuple(fc.option(text), wild, fc.option(text)).map(parts => parts.join('')) },
  { weight: 1, arbitrary: fc.constantFrom('{a/b,c}', '{a,b/*}', '{a/**,b}') },
)
const glob = fc.array(segment, { minLength: 1, maxLength: 5 }).map(parts => parts.join('/'))

describe('globs on the wire tokens', () => {
  it('mean what they mean to micromatch, tag by tag', () => {
    fc.assert(
      fc.property(glob, fc.array(tag, { minLength: 1, maxLength: 5 }), (pattern, tags) => {
        const index = createGlobIndex([{ on: [pattern], value: true }])
        const expected = oracle(pattern)
        for (const one of tags) {
          expect([pattern, one, index.match(tokensOf(one)).length > 0]).toEqual([pattern, one, expected(one)])
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('give for many rules what testing every rule alone gives, in the order given', () => {
    const rule = fc.record({
      include: fc.array(glob, { minLength: 1, maxLength: 3 }),
      exclude: fc.array(glob, { maxLength: 2 }),
    })
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 25 }), fc.array(tag, { maxLength: 8 }), (rules, tags) => {
        const index = createGlobIndex(
          rules.map((r, value) => ({ on: [...r.exclude.map(one => `!${one}`), ...r.include], value })),
        )
        const oracles = rules.map(({ include, exclude }) => ({ includes: oracle(include), excludes: oracle(exclude) }))
        for (const one of tags) {
          const alone = oracles.flatMap(({ includes, excludes }, value) =>
            includes(one) && !excludes(one) ? [value] : [],
          )
          expect(index.match(tokensOf(one))).toEqual(alone)
          expect(
            index.matchSubject(`reactor.event.web1.${tokensOf(one).join('.')}`, 'reactor.event.web1.'.length),
          ).toEqual(alone)
        }
      }),
      { numRuns: 400 },
    )
  })

  it.each([
    ['salt/beacon/*/load/*', 'salt/beacon/m1/load/', true],
    ['salt/beacon/*/load/', 'salt/beacon/m1/load/', true],
    ['salt/beacon/**', 'salt/beacon/m1//x/', true],
    ['a/**', 'a', true],
    ['a/**', 'ab', false],
    ['a/*', 'a', false],
    ['*', 'a/b', false],
    ['**', '', true],
    ['web.example.com/*', 'web.example.com/ü >*', true],
    ['web.*/x', 'web.example/x', true],
    ['web.*/x', 'web=2Eexample/x', false],
    ['ü*', 'über', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['{1..12}/x', '11/x', true],
    ['{a}', '{a}', true],
    ['a!(b)c', 'abc', false],
    ['a!(b)c', 'abbc', true],
    ['job/!(*ret)', 'job/a-ret', false],
    ['a/@(b/c|d)/*', 'a/b/c/x', true],
    ['a/@(b/c|d)/*', 'a/b/x', false],
    ['**/+(a/b)', 'x/y/a/ba/b', true],
    ['a/@(b/c)/**', 'a/b/c', true],
    ['a/**/?(a)', 'a', true],
    ['a/**/?(a)', 'a/b', false],
    ['a/?(a)', 'a', false],
    ['a/**/?(b)/**/*(c)', 'a', true],
    ['a/**/?(b)/c', 'a', false],
    ['a/**/?(b/c)', 'a', true],
    ['a/**/*', 'a', false],
    ['Salt/*', 'salt/x', false],
  ])('%s on %s: %s', (pattern, one, expected) => {
    expect(matches(pattern, one)).toBe(expected)
  })

  it('lets an exclusion win wherever it stands', () => {
    expect(matches(['!salt/auth', 'salt/*'], 'salt/auth')).toBe(false)
    expect(matches(['salt/*', '!salt/auth'], 'salt/key')).toBe(true)
  })

  it('stays fast on a tag made to be slow', () => {
    const hostile = Array.from({ length: 700 }, () => 'aa').join('/')
    expect(matches('**/*a*a*a*a*b/**/a/**/a/**/a/**/c', hostile)).toBe(false)
    expect(matches('+(a|aa|*a)b', 'a'.repeat(1000))).toBe(false)
  })

  it('has no text for a token that this program cannot have written, so that only * and ** match it', () => {
    const index = createGlobIndex([
      { on: ['a*'], value: 'pattern' },
      { on: ['*'], value: 'star' },
    ])
    expect(index.match(['a=zz'])).toEqual(['star'])
  })

  it.each([
    ['', 'a glob is empty'],
    ['a/[b', "opens a '[' that is never closed"],
    ['a/{b,c', "opens a '{' that is never closed"],
    ['a/@(b', "opens a '(' that is never closed"],
    ['[!a]', 'write [^...]'],
    ['[b-a]', 'a range that runs backwards'],
    ['{{ data.id }}/x', 'templates have no place in it'],
    ['{a,b}'.repeat(11), 'stand for more than 1000 globs'],
    ['{1..100000}', 'stand for more than 1000 globs'],
    ['!a', "'on' only excludes"],
    ['a'.repeat(1001), 'is longer than 1000'],
  ])('refuses %s', (pattern, message) => {
    expect(() => matches(pattern, 'a')).toThrow(message)
  })
})
