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
    ['in base64 for URLs', Buffer.from(SECRET).toString('base64url')],
    ['in hexadecimal of capitals', Buffer.from(SECRET).toString('hex').toUpperCase()],
    ['as a part of a URL', encodeURIComponent(SECRET)],
    ['as a form has it', encodeURIComponent(SECRET).replaceAll('%20', '+')],
    ['as Jinja quotes it for a URL', encodeURIComponent(SECRET).replaceAll('%2F', '/')],
    ['within HTML', SECRET.replaceAll('"', '&#34;')],
    ['within JSON', JSON.stringify(SECRET).slice(1, -1)],
    ['within JSON that is within JSON', JSON.stringify(JSON.stringify(SECRET).slice(1, -1)).slice(1, -1)],
  ])('is hidden %s', (_what, form) => {
    expect(hidingOf(SECRET).hide({ out: [`a ${form} b`], [form]: 1 })).toEqual({
      out: ['a [redacted] b'],
      '[redacted]': 1,
    })
  })

  it.each(['', 'a', 'ab', 'user:', 'müller:'])('is hidden in the base64 of a longer text, behind %j', before => {
    const { hide } = hidingOf(SECRET)
    const form = Buffer.from(`${before}${SECRET}`).toString('base64')
    const shown = Buffer.from(hide(form).replace('[redacted]', ''), 'base64').toString()
    expect(hide(form)).toContain('[redacted]')
    expect(shown).not.toContain(SECRET.slice(2, -2))
  })

  it('is hidden as a number, and a number that has it in it is none', () => {
    expect(hidingOf('4711').hide({ pin: 4711, size: 147110 })).toEqual({ pin: '[redacted]', size: 147110 })
  })

  it('is hidden up to where a message has cut it off', () => {
    const { hide } = hidingOf(SECRET, 'the second secret')
    expect(hide(`got {"password":"p\\"ss w…; got 'the sec…' and the…, p"…`)).toBe(
      `got {"password":"[redacted]…; got '[redacted]…' and the…, p"…`,
    )
    expect(hide(`got ${'the second secret'.slice(0, 4)}… `)).toBe('got [redacted]… ')
    expect(hide('nothing of it…')).toBe('nothing of it…')
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
