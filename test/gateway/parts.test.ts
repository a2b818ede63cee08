import { describe, expect, it } from 'vitest'
import { createAddressOf, senderOf } from '../../src/gateway/address.ts'
import { readContent, unreadable } from '../../src/gateway/content.ts'
import { createHooks } from '../../src/gateway/hooks.ts'
import { readPath } from '../../src/gateway/path.ts'
import { createRate } from '../../src/gateway/rate.ts'

describe('the hook of a path', () => {
  const of = (...patterns: string[]) => {
    const find = createHooks(patterns.map(pattern => ({ pattern })))
    return (path: string) => find(path.slice(1).split('/'))?.pattern
  }

  it('is the most specific one, in whatever order they stand', () => {
    const patterns = ['/hook/**', '/hook/git*/push', '/hook/*/push', '/hook/github/**', '/hook/github/push', '/hook/*']
    for (const order of [patterns, [...patterns].reverse()]) {
      const find = of(...order)
      expect(find('/hook/github/push')).toBe('/hook/github/push')
      expect(find('/hook/github/pull')).toBe('/hook/github/**')
      expect(find('/hook/gitlab/push')).toBe('/hook/git*/push')
      expect(find('/hook/other/push')).toBe('/hook/*/push')
      expect(find('/hook/one')).toBe('/hook/*')
      expect(find('/hook/a/b/c')).toBe('/hook/**')
      expect(find('/hook')).toBeUndefined()
    }
  })

  it('does not end where a segment does not, and needs a segment for **', () => {
    const find = of('/hook/github/**', '/hook/ci')
    expect(find('/hook/github')).toBeUndefined()
    expect(find('/hook/github-x/y')).toBeUndefined()
    expect(find('/hook/ci/x')).toBeUndefined()
  })

  it('has ** at its end only', () => {
    expect(() => of('/hook/**/x')).toThrow(/last segment only/)
    expect(() => of('/hook/[a')).toThrow(/no glob/)
  })
})

describe('a path', () => {
  it('is read as segments, without its query', () => {
    expect(readPath('/hook/a%20b/c?x=/../y')).toEqual(['hook', 'a b', 'c'])
    expect(readPath('/hook/%C3%BC')).toEqual(['hook', 'ü'])
  })

  it.each([
    '/hook/../x',
    '/hook/./x',
    '/hook/%2e%2e/x',
    '/hook/.%2E/x',
    '/hook/a%2fb',
    '/hook/a%5Cb',
    '/hook/a\\b',
    '/hook//x',
    '/hook/x/',
    '/hook/%00',
    '/hook/a%0ab',
    '/hook/%7f',
    '/hook/%252e',
    '/hook/%',
    '/hook/%ff',
    '/hook/%c2%80',
    '/hook/\u00fc',
    '/hook/x#y',
    'http://host/hook/x',
    '*',
    '',
    'hook/x',
  ])('%s is refused', path => {
    expect(readPath(path)).toMatchObject({ status: 400 })
  })

  it('has a length', () => {
    expect(readPath(`/hook/${'x'.repeat(2000)}`)).toMatchObject({ status: 414 })
  })
})

describe('the address of a sender', () => {
  it('is what the last trusted proxy saw, whatever the sender says of itself', () => {
    const of = createAddressOf(['10.0.0.0/8', '::1'])
    expect(of('192.0.2.1', '198.51.100.1')).toBe('192.0.2.1')
    expect(of('10.0.0.1', '198.51.100.1')).toBe('198.51.100.1')
    expect(of('10.0.0.1', '203.0.113.9, 198.51.100.1, 10.0.0.2')).toBe('198.51.100.1')
    expect(of('::ffff:10.0.0.1', '198.51.100.1')).toBe('198.51.100.1')
    expect(of('::1', 'unknown')).toBe('::1')
    expect(of('10.0.0.1')).toBe('10.0.0.1')
    expect(createAddressOf([])('127.0.0.1', '198.51.100.1')).toBe('127.0.0.1')
  })

  it('counts by the network where it is IPv6', () => {
    expect(senderOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2')
    expect(senderOf('2001:db8:1:2::9')).toBe('2001:db8:1:2')
    expect(senderOf('2001:db8::9')).toBe('2001:db8:0:0')
    expect(senderOf('::1')).toBe('0:0:0:0')
    expect(senderOf('192.0.2.1')).toBe('192.0.2.1')
  })
})

describe('a rate', () => {
  it('lets twice as many pass at once, and says when there is one again', () => {
    let now = 0
    const take = createRate(2, () => now)
    expect([take('a'), take('a'), take('a'), take('a')]).toEqual([0, 0, 0, 0])
    expect(take('a')).toBe(0.5)
    expect(take('b')).toBe(0)
    now = 500
    expect(take('a')).toBe(0)
    expect(take('a')).toBe(0.5)
  })

  it('can be less than one a second, or none', () => {
    const take = createRate(0.1, () => 0)
    expect([take('a'), take('a')]).toEqual([0, 10])
    const free = createRate(0, () => 0)
    expect(Array.from({ length: 100 }, () => free('a')).every(wait => wait === 0)).toBe(true)
  })
})

describe('the content of a body', () => {
  const read = (type: string | undefined, text: string | Uint8Array) =>
    readContent(type === undefined ? {} : { 'content-type': type }, typeof text === 'string' ? Buffer.from(text) : text)

  it('is a map of JSON or of a form, else text', () => {
    expect(read('application/json; charset=utf-8', '{"a":{"b":1}}')).toEqual({ post: { a: { b: 1 } }, body: '' })
    expect(read('application/vnd.x+json', '{"a":1}')).toEqual({ post: { a: 1 }, body: '' })
    expect(read('application/json', '[1,2]')).toEqual({ post: {}, body: '[1,2]' })
    expect(read('application/x-www-form-urlencoded', 'a=1&b=x+y&a=2')).toEqual({
      post: { a: ['1', '2'], b: 'x y' },
      body: '',
    })
    expect(read('text/plain', 'hello')).toEqual({ post: {}, body: 'hello' })
    expect(read(undefined, '{"a":1}')).toEqual({ post: {}, body: '{"a":1}' })
  })

  it('keeps __proto__ as the key that it is', () => {
    const form = read('application/x-www-form-urlencoded', '__proto__=x') as { post: object }
    expect(Object.keys(form.post)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(form.post)).toBe(Object.prototype)
  })

  it.each([
    ['application/json', '{'],
    ['application/json', ''],
    ['application/json', '['.repeat(100_000)],
    ['application/json', Uint8Array.of(0x22, 0xff, 0x22)],
    ['text/plain', Uint8Array.of(0xc3, 0x28)],
    ['application/x-www-form-urlencoded', 'a=%ff'],
  ])('of %s can be wrong', (type, text) => {
    expect(read(type, text)).toMatchObject({ status: 400 })
  })

  it('is no form where it is JSON, whatever the header says', () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    for (const text of ['{"a": 1}', ' \n[{"a": 1}]'])
      expect(readContent(form, Buffer.from(text))).toMatchObject({
        status: 400,
        error: expect.stringContaining('send it with Content-Type: application/json'),
      })
  })

  it('is not taken compressed, in parts, or in another charset', () => {
    expect(unreadable({ 'content-encoding': 'gzip' })).toMatchObject({ status: 415 })
    expect(unreadable({ 'content-type': 'multipart/form-data; boundary=x' })).toMatchObject({ status: 415 })
    expect(unreadable({ 'content-type': 'text/plain; charset=utf-16' })).toMatchObject({ status: 415 })
    expect(unreadable({ 'content-type': 'application/json;charset="UTF-8"' })).toBeUndefined()
  })
})
