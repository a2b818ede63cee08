import { describe, expect, it } from 'vitest'
import { parseValue, parseWords } from '../../src/cli/words.ts'

describe('words as arguments', () => {
  it('are named where they have a name and =, else positional', async () => {
    expect(await parseWords(['web', '2', 'retries=3', 'env={A: b}', '--flag', 'a.b=c', '=x', 'q=a=b'])).toEqual({
      arg: ['web', 2, '--flag', 'a.b=c', '=x'],
      kwarg: { retries: 3, env: { A: 'b' }, q: 'a=b' },
    })
  })

  it('may name anything, and touch no prototype', async () => {
    const { kwarg } = await parseWords(['__proto__=1', 'text=a\nb'])
    expect(Object.getOwnPropertyNames(kwarg).sort()).toEqual(['__proto__', 'text'])
    expect(kwarg.text).toBe('a\nb')
  })
})

describe('a value', () => {
  it.each([
    ['5', 5],
    ['-1.5', -1.5],
    ['0', 0],
    ['true', true],
    ['False', false],
    ['null', null],
    ['None', null],
    ['[1, a]', [1, 'a']],
    ['{a: [1]}', { a: [1] }],
    ['{"a": "b"}', { a: 'b' }],
  ])('%s is what it looks like', async (text, value) => {
    await expect(parseValue(text)).resolves.toEqual(value)
  })

  it.each([
    '0644',
    '1.10',
    '1e3',
    '0x10',
    '12345678901234567890',
    '',
    ' 5',
    'NaN',
    'Infinity',
    'yes',
    '# no comment',
    'a: b',
    '- x',
    '*',
    '&a',
  ])('%j stays text', async text => {
    await expect(parseValue(text)).resolves.toBe(text)
  })

  it.each(['[1', '{a: ', '{{ data.x }}'])('%s begins like a list or map and is refused', async text => {
    await expect(parseValue(text)).rejects.toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(text) }),
    )
  })
})
