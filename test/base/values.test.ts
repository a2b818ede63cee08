import { describe, expect, it } from 'vitest'
import { asReactorError, ERROR_CODES, errorMessage, ReactorError } from '../../src/base/errors.ts'
import { canonicalJson, isObject } from '../../src/base/json.ts'
import { isSecretKey, redactSecrets } from '../../src/base/redact.ts'
import { createStack } from '../../src/base/service.ts'
import { didYouMean, nearest } from '../../src/base/suggest.ts'

describe('canonical JSON', () => {
  it('is the same for equal values, whatever the order of their keys', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}')
    expect(canonicalJson([2, 1])).not.toBe(canonicalJson([1, 2]))
  })

  it('knows a map from what is none', () => {
    expect([{}, { a: 1 }].map(isObject)).toEqual([true, true])
    expect([null, [], 'x', 5, undefined].map(isObject)).toEqual([false, false, false, false, false])
  })
})

describe('secrets', () => {
  it.each([
    'password',
    'PASSWORD',
    'smtp_password',
    'token',
    'access-token',
    'api_key',
    'apikey',
    'authorization',
    'auth',
    'credentials',
    'pwd',
    'db_pwd',
    'passphrase',
    'session-cookie',
    'aws_secret_access_key',
    'secret_key',
    'seed',
  ])('are known by their key: %s', key => {
    expect(isSecretKey(key)).toBe(true)
  })

  it.each(['passage', 'tokens_used', 'monkey', 'seeds', 'user', 'author', 'public_key', 'cookies_eaten', 'key'])(
    'are not seen where there is none: %s',
    key => {
      expect(isSecretKey(key)).toBe(false)
    },
  )

  it('are taken out at any depth, in a copy', () => {
    const value = { a: [{ password: 'x', user: 'u' }], token: null, secret: { deep: 1 } }
    expect(redactSecrets(value)).toEqual({
      a: [{ password: '[redacted]', user: 'u' }],
      token: null,
      secret: '[redacted]',
    })
    expect(value.a[0]!.password).toBe('x')
  })

  it('are left out wherever the hash of a password stands', () => {
    const hash = `scrypt$15$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}`
    expect(redactSecrets([hash, { password_hash: hash, x: [hash] }, 'scrypt', 'x scrypt$15$'])).toEqual([
      '[redacted]',
      { password_hash: '[redacted]', x: ['[redacted]'] },
      'scrypt',
      'x scrypt$15$',
    ])
  })
})

describe('did you mean', () => {
  it('names the nearest, where one is near', () => {
    expect(nearest('test.pong', ['test.ping', 'cmd.run'])).toBe('test.ping')
    expect(didYouMean('TEST.PING', ['test.ping'])).toBe(" Did you mean 'test.ping'?")
    expect(didYouMean('zebra', ['test.ping', 'cmd.run'])).toBe('')
    expect(didYouMean('x', [])).toBe('')
  })
})

describe('errors', () => {
  it('keep their code; anything else is a defect with its cause', () => {
    const own = new ReactorError('timeout', 'late', { after: 5 })
    expect(asReactorError(own)).toBe(own)
    const cause = new TypeError('x is undefined')
    expect(asReactorError(cause)).toMatchObject({ code: 'internal', message: 'x is undefined', cause })
    expect(asReactorError('text')).toMatchObject({ code: 'internal', message: 'text' })
  })

  it('say what went wrong in one line, whatever was thrown', () => {
    expect(errorMessage(new AggregateError([new Error('a'), new Error('b')]))).toBe('a; b')
    expect(errorMessage(new RangeError())).toBe('RangeError')
    expect(errorMessage(undefined)).toBe('undefined')
  })

  it('have a status of HTTP and an exit code that no shell gives another meaning', () => {
    for (const [code, { status, exit, doc }] of Object.entries(ERROR_CODES)) {
      expect(status, code).toBeGreaterThanOrEqual(400)
      expect(exit > 0 && exit < 126, code).toBe(true)
      expect(doc, code).toMatch(/\.$/)
    }
  })
})

describe('a stack of services', () => {
  it('stops its parts in reverse, once, and past one that fails', async () => {
    const stopped: string[] = []
    const told: string[] = []
    const stack = createStack(problem => told.push(problem))
    stack.add({ stop: async () => void stopped.push('first') })
    stack.defer(() => {
      throw new Error('it cannot stop')
    })
    stack.defer(() => stopped.push('last'))
    await Promise.all([stack.stop(), stack.stop()])
    expect(stopped).toEqual(['last', 'first'])
    expect(told).toEqual(['a part of the process could not be stopped: it cannot stop'])
  })
})
