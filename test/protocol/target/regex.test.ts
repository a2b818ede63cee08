import { describe, expect, it } from 'vitest'
import { createBudget } from '../../../src/protocol/target/budget.ts'
import { compileRegex } from '../../../src/protocol/target/regex.ts'
import { resolveTarget, resolveWithin } from '../../../src/protocol/target.ts'
import { CONTEXT, minion, refusal } from './minions.ts'

describe('a regular expression', () => {
  it.each([
    ['(?!db)web', 'look-ahead and look-behind are not supported'],
    ['(?=web)', "say it with 'not' in a compound target"],
    ['(?<=a)web', 'look-ahead and look-behind'],
    ['(?<!a)web', 'look-ahead and look-behind'],
    ['(a)\\1', 'back-references are not supported'],
    ['(?P<a>x)(?P=a)', 'back-references are not supported'],
    ['(?x) web', 'of the inline flags only i, m and s'],
    ['(?a)web', 'of the inline flags only i, m and s'],
    ['(?>web)', 'atomic groups'],
    ['web(?#1)', 'comments'],
    ['(', 'missing closing )'],
    ['a)', 'unexpected )'],
    ['a)|(?:b', 'unexpected )'],
    ['*a', 'missing argument to repetition operator'],
    ['[z-a]', 'invalid character class range'],
    ['[a', 'missing closing ]'],
    ['a\\', 'trailing backslash'],
    ['\\y', 'invalid escape sequence'],
    ['a{1001}', 'invalid repeat count'],
    ['(a{1000}){1000}', 'invalid repeat count'],
    ['a{1000}'.repeat(11), 'its repeats make'],
    ['('.repeat(2000) + ')'.repeat(2000), 'nests too deeply'],
    ['a'.repeat(4097), 'has 4097 characters, at most 4096'],
  ])('%s is refused', (pattern, reason) => {
    const message = refusal(() => compileRegex(pattern))
    expect(message).toContain(reason)
    expect(message).not.toContain('\n')
    expect(message.length).toBeLessThan(400)
  })

  it('shows no character that a terminal would obey', () => {
    expect(refusal(() => compileRegex('\u001b[31m('))).toContain("'\\x1b[31m('")
  })

  it('reads the escapes of Python in a class too, and leaves a backslash behind a backslash alone', () => {
    expect(compileRegex('\\\\Z')('\\Z')).toBe(true)
    expect(compileRegex('[\\u0041]')('A')).toBe(true)
  })

  it.each(['(a+)+$', '(a|a)*$', '(a*)*b', '(.*a){20}b'])('%s comes to an end on a text made for it', pattern => {
    expect(compileRegex(pattern)(`${'a'.repeat(4000)}!`)).toBe(false)
  })
})

describe('a pattern too costly for the fleet', () => {
  it('is stopped when its time is over, and says so', () => {
    let now = 0
    const budget = createBudget(1000, () => now++)
    const fleet = Array.from({ length: 2000 }, (_, n) => minion(`web${n}`, { os: 'Ubuntu' }))
    const resolve = (type: string, tgt: string) => refusal(() => resolveWithin(budget, tgt, type, fleet, CONTEXT))
    for (const [type, tgt] of [
      ['pcre', 'web\\d'],
      ['glob', 'web?'],
      ['grain', 'os:U*'],
      ['ipcidr', '10.0.0.0/8'],
      ['compound', 'web? or E@x'],
    ] as const) {
      now = 0
      budget.start()
      expect(resolve(type, tgt)).toContain('took longer than 1 s and was stopped')
    }
  })

  it('leaves out values of more than 4,096 characters', () => {
    const fleet = [minion('short', { text: 'a'.repeat(4096) }), minion('long', { text: 'a'.repeat(4097) })]
    expect(resolveTarget('text:a+', 'grain_pcre', fleet, CONTEXT).minions).toEqual(['short'])
    expect(resolveTarget('text:a*', 'grain', fleet, CONTEXT).minions).toEqual(['short'])
  })
})
