import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { checkPushed, unpackRules } from '../../../src/reactor/bundle/push.ts'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'

const pack = (value: unknown) => gzipSync(JSON.stringify(value)).toString('base64')
const rules = (...names: string[]) =>
  loadRuleText('r.yaml', names.map(name => `rule: ${name}\non: my/*\ndo: runner.test.arg\n`).join('---\n')).rules

describe('what is unpacked', () => {
  it('is the list that was packed', () => {
    expect(unpackRules(pack(rules('a')))).toEqual(rules('a'))
  })

  it.each([
    ['text that is no gzip', 'aGVsbG8='],
    ['text that is no base64', '!!'],
    ['gzip of no JSON', gzipSync('[{').toString('base64')],
    ['what is nested too deep', gzipSync('['.repeat(5000) + ']'.repeat(5000)).toString('base64')],
    ['a bomb', gzipSync(Buffer.alloc(65 * 1024 * 1024, 32)).toString('base64')],
    ['a map', pack({ rules: [] })],
  ])('is not %s', (_what, packed) => {
    expect(() => unpackRules(packed)).toThrow(expect.objectContaining({ code: 'bad_argument' }))
  })
})

describe('what is pushed', () => {
  it('comes in order of its names', async () => {
    expect((await checkPushed(rules('b', 'c', 'a'))).map(({ rule }) => rule)).toEqual(['a', 'b', 'c'])
    expect(await checkPushed([])).toEqual([])
  })

  it('is refused whole, with everything that is wrong with it', async () => {
    const [good, bad, twin] = rules('good', 'bad', 'twin')
    const documents = [
      good,
      { ...bad, on: ['a[b'], do: [{ kind: 'local', fun: 'test.ping', params: {} }] },
      { ...twin, rule: 'good', source: { file: 'other.yaml', line: 7 } },
      { rule: 'half' },
      'no rule',
      null,
    ]
    const refused = await checkPushed(documents).catch(error => error)
    expect(refused.code).toBe('bad_rule')
    const lines = refused.message.split('\n')
    expect(lines[0]).toBe('5 of 6 rules are refused, and nothing has changed:')
    expect(lines[1]).toContain('r.yaml:5')
    expect(lines[1]).toContain("rule 'bad'")
    expect(lines[2]).toBe("other.yaml:7 (good): the rule name 'good' is taken by r.yaml:1")
    expect(lines[3]).toMatch(/^rules\[3\] \(half\): no rule document: /)
    expect(lines[4]).toBe('rules[4]: a rule document is a map')
    expect(lines[5]).toBe('rules[5]: a rule document is a map')
  })

  it('is refused in a message of bounded length, safe to print', async () => {
    const many = Array.from({ length: 1000 }, (_, index) => ({ rule: `x${index}\u001b[2J${'y'.repeat(5000)}` }))
    const refused = await checkPushed(many).catch(error => error)
    expect(refused.message.length).toBeLessThan(30_000)
    expect(refused.message).toContain('… and 950 more')
    expect(refused.message).not.toContain('\u001b')
  })
})
