// Subjects that are too long: refused where they are made, with the reason; a client that sends one all the same harms itself.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, nkeyAuthenticator } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import { createSeen } from '../helpers/wait.ts'
import { type Running, startReactor } from './reactor.ts'

const LONG = 'x'.repeat(4000)

describe('a subject that is too long', () => {
  let reactor: Running
  beforeAll(async () => {
    reactor = await startReactor({ args: ['--id', 'web1'] })
  })
  afterAll(() => reactor.clean())

  it('of a tag is refused where it is fired, with the limit and what to do', async () => {
    const sent = await reactor.run('send', `load/${LONG}`)
    expect(sent.code).not.toBe(0)
    expect(sent.stderr).toMatch(/has \d+ bytes, at most 3000 are allowed: shorten the tag/)
  })

  it('of a tag that a minion fires fails its job, and the minion stays', async () => {
    const fired = await reactor.run('call', 'web1', 'event.send', `load/${LONG}`)
    expect(fired.code).not.toBe(0)
    expect(fired.stdout + fired.stderr).toContain('at most 3000 are allowed')
    expect(await reactor.run('call', 'web1', 'test.ping')).toMatchObject({ code: 0 })
    expect(reactor.said.items.filter(line => line.includes('connection to the NATS server lost'))).toEqual([])
  })

  it('of a target, a function and a jid is refused or finds nobody', async () => {
    for (const words of [
      ['call', LONG, 'test.ping'],
      ['run', `test.${LONG}`],
      ['wheel', `key.${LONG}`],
      ['jobs', 'show', '1'.repeat(4000)],
    ])
      expect([words[0], (await reactor.run(...words)).code]).not.toEqual([words[0], 0])
    expect(await reactor.run('call', 'web1', 'test.ping')).toMatchObject({ code: 0 })
  })

  it('that a foreign client publishes costs it its own connection, and nobody else notices', async () => {
    const seed = (await readFile(join(reactor.dir, 'var/keys/admin.nk'), 'utf8')).trim()
    const nc = await connect({
      servers: reactor.ready.server,
      authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
      inboxPrefix: operatorInbox('admin'),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    })
    const seen = createSeen<string>()
    void (async () => {
      for await (const { type } of nc.status()) seen.push(type)
    })()
    nc.publish(`reactor.event._user-admin.${'y'.repeat(8000)}`, '{}')
    await seen.find(type => type === 'disconnect', 'the end of its connection')
    await nc.close()
    expect(await reactor.run('send', 'load/after')).toMatchObject({ code: 0 })
    await reactor.lines.find(({ tag }) => tag === 'load/after', 'an event after it')
    expect(await reactor.run('call', 'web1', 'test.ping')).toMatchObject({ code: 0 })
    expect(reactor.said.items.filter(line => line.includes('connection to the NATS server lost'))).toEqual([])
  })
})
