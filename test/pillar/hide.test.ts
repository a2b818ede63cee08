import { describe, expect, it } from 'vitest'
import { createHiding } from '../../src/pillar/hide.ts'

const SECRET = 'p"ss w/rd+1'

function hidingOf(...secrets: string[]) {
  const hiding = createHiding()
  hiding.add(secrets)
  return hiding
}

describe('a secret that a minion knows', () => {
  it.each<[string, string]>([
    ['as it is', SECRET],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in base64 without its end', Buffer.from(SECRET).toString('base64').replace(/=+$/, '')],
    ['in hexadecimal', Buffer.from(SECRET).toString('hex')],
    ['as a part of a URL', encodeURIComponent(SECRET)],
    ['within JSON', JSON.stringify(SECRET).slice(1, -1)],
  ])('is hidden %s', (_what, form) => {
    expect(hidingOf(SECRET).hide({ out: [`a ${form} b`], [form]: 1 })).toEqual({
      out: ['a [redacted] b'],
      '[redacted]': 1,
    })
  })

  it('of several lines is hidden line by line, as a diff has it', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQE\n-----END KEY-----'
    const { hide } = hidingOf(key)
    expect(hide(key)).toBe('[redacted]')
    expect(hide('+MIIEvQIBADANBg\n+kqhkiG9w0BAQE\n')).toBe('+[redacted]\n+[redacted]\n')
  })

  it('within another one does not leave the rest of that standing', () => {
    expect(hidingOf('abcd', 'abcdefgh').hide('abcdefgh abcd')).toBe('[redacted] [redacted]')
  })

  it('stays hidden when the pillar has another', () => {
    const hiding = hidingOf('first one')
    hiding.add(['second one'])
    expect(hiding.hide('first one, second one')).toBe('[redacted], [redacted]')
  })

  it('is hidden in what an object tells as JSON alone', () => {
    expect(hidingOf(SECRET).hide([new URL('https://example.com/'), { toJSON: (): string => SECRET }])).toEqual([
      'https://example.com/',
      '[redacted]',
    ])
  })

  it('takes with it what cannot be searched', () => {
    const loop: unknown[] = []
    loop.push(loop, SECRET)
    expect(hidingOf(SECRET).hide(loop)).toMatch(/^\[redacted: it is no JSON/)
    expect(createHiding().hide(loop)).toBe(loop)
  })

  it('costs nothing where there is none: the value is the same', () => {
    const value = { a: ['b'] }
    expect(createHiding().hide(value)).toBe(value)
    expect(hidingOf(SECRET).hide(value)).toBe(value)
  })
})
