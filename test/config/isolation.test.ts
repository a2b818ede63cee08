import { describe, expect, it } from 'vitest'
import { requireIsolation } from '../../src/config/isolation.ts'

describe('isolation none', () => {
  it.each([
    'nats://127.0.0.1:4222',
    '127.0.0.1',
    'localhost:4222',
    'tls://127.8.9.10:4222',
    'nats://user:pass@localhost:4222',
    '[::1]:4222',
    '::1',
  ])('takes a server on loopback: %s', server => {
    expect(() => requireIsolation({ isolation: 'none', servers: [server] })).not.toThrow()
  })

  it.each([
    'nats://10.1.2.3:4222',
    '0.0.0.0',
    'nats.example.com',
    'nats://127.0.0.1.example.com:4222',
    'nats://localhost:4222@example.com',
    'nats://127.0.0.1:4222,nats://10.1.2.3:4222',
    'example.com\\@127.0.0.1',
    '',
  ])('refuses any other: %j', server => {
    const refused = () => requireIsolation({ isolation: 'none', servers: ['nats://127.0.0.1:4222', server] })
    expect(refused).toThrow(/not on loopback/)
  })

  it('does not show the password of a server that it refuses', () => {
    expect(() => requireIsolation({ isolation: 'none', servers: ['nats://u:hunter2@example.com'] })).toThrow(
      /^(?!.*hunter2).*example\.com/,
    )
  })

  it('is not asked for with accounts', () => {
    expect(() => requireIsolation({ isolation: 'accounts', servers: ['nats://10.1.2.3'] })).not.toThrow()
  })
})
