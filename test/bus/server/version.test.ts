import { describe, expect, it } from 'vitest'
import {
  isSupported,
  MINIMUM_SERVER,
  parseServerVersion,
  requireServerVersion,
} from '../../../src/bus/server/version.ts'

describe('a server version', () => {
  it.each([
    ['nats-server: v2.14.0\n', '2.14.0'],
    ['2.12.0', '2.12.0'],
    ['v2.12.0-RC.1', '2.12.0-RC.1'],
    ['nats-server: v2', undefined],
    ['', undefined],
  ])('is read from %j', (text, version) => {
    expect(parseServerVersion(text)).toBe(version)
  })

  it.each([MINIMUM_SERVER, '2.12.1', '2.14.0', '2.100.0', '3.0.0', '2.15.0-dev'])('%s is supported', version => {
    expect(isSupported(version)).toBe(true)
    expect(() => requireServerVersion(version)).not.toThrow()
  })

  it.each(['2.11.99', '2.9.10', '1.99.0', '2.12.0-RC.1'])('%s is too old', version => {
    expect(isSupported(version)).toBe(false)
    expect(() => requireServerVersion(version)).toThrow(`nats-server ${version} is too old`)
  })

  it('that cannot be read is refused by what it says', () => {
    expect(() => requireServerVersion('latest')).toThrow("version 'latest' cannot be read; 2.12.0 or newer is needed")
  })
})
