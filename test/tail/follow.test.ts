import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { minionOrigin, serviceOrigin, userOrigin } from '../../src/protocol/origin.ts'
import { DEFAULT_LIMITS, streamNames } from '../../src/protocol/streams.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'
import { startServices, tailOn } from './bus.ts'

type Services = Awaited<ReturnType<typeof startServices>>

/** Fires `n: 0, 1, 2, …`, a few at a time, until it is stopped; gives how many were stored. */
function keepFiring(services: Services, tag: string) {
  let stopped = false
  let stored = 0
  const run = async () => {
    while (!stopped) {
      const batch = Array.from({ length: 20 }, (_, index) => services.fire(tag, { n: stored + index }))
      await Promise.all(batch)
      stored += batch.length
    }
    return stored
  }
  const all = run()
  return {
    stored: () => stored,
    stop() {
      stopped = true
      return all
    },
  }
}

const numbersOf = (lines: readonly string[]): number[] => lines.map(line => JSON.parse(line).data.n)
const firstNumbers = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('following events', () => {
  let server: TestServer
  let services: Services
  beforeAll(async () => {
    server = await startTestServer()
    services = await startServices(server.url)
  })
  afterAll(async () => {
    await services?.stop()
    await server?.stop()
  })

  it('gives each event as one JSON object of tag, data, origin, stamp and id', async () => {
    const tail = await tailOn(server.url, { json: true, globs: ['one/**'] })
    const { id } = await services.fire('one/shot', { n: 1 })
    const [line] = await tail.lines.reach(1)
    const event = JSON.parse(line!)
    expect(Object.keys(event)).toEqual(['tag', 'data', 'origin', 'stamp', 'id'])
    expect(event).toMatchObject({ tag: 'one/shot', data: { n: 1 }, origin: '_user-ada', id })
    await tail.stop()
  })

  it('leaves out the audit record of what was allowed, for people who do not ask for it, and shows what was refused', async () => {
    const plain = await tailOn(server.url, { globs: ['!other/**'] })
    const asked = await tailOn(server.url, { globs: ['salt/audit/*', 'end'] })
    const json = await tailOn(server.url, { json: true })
    const audit = services.fireAs(serviceOrigin('_jobs'))
    await audit('salt/audit/publish', { user: 'ada', result: 'ok' })
    await audit('salt/audit/publish', { user: 'ada', result: 'refused' })
    await audit('salt/audit/rules', { records: [{ result: 'ok' }, { result: 'ok', action: 'test.ping' }] })
    await audit('salt/audit/rules', { records: [{ result: 'refused', action: 'test.echo' }, { result: 'ok' }] })
    await services.fire('end', {})
    const shown = async ({ lines }: typeof plain) => {
      await lines.find(line => line.includes('end'), 'the last event')
      return lines.items.map(line => /ok|refused|end/.exec(line)?.[0])
    }
    expect(await shown(plain)).toEqual(['refused', 'refused', 'end'])
    expect(await shown(asked)).toEqual(['ok', 'refused', 'ok', 'refused', 'end'])
    expect(await shown(json)).toEqual(['ok', 'refused', 'ok', 'refused', 'end'])
    for (const tail of [plain, asked, json]) await tail.stop()
  })

  it('ends by itself after the number of events asked for, and shows no more', async () => {
    const tail = await tailOn(server.url, { json: true, globs: ['count/*'], count: 3 })
    for (let n = 0; n < 6; n++) await services.fire('count/x', { n })
    await within(tail.done, 'the end of the tail')
    expect(numbersOf(tail.lines.items)).toEqual([0, 1, 2])
    await tail.stop()
  })

  it('joins history and live without a gap or a double while events keep coming', async () => {
    const load = keepFiring(services, 'steady/load')
    while (load.stored() < 2500) await services.fire('other', {})
    const tail = await tailOn(server.url, { json: true, globs: ['steady/*'], sinceMs: 3_600_000 })
    await tail.lines.find(line => JSON.parse(line).data.n > 4000, 'an event well behind the join')
    const stored = await load.stop()
    await tail.lines.reach(stored)
    expect(numbersOf(tail.lines.items)).toEqual(firstNumbers(stored))
    await tail.stop()
  })

  it('begins no earlier than asked', async () => {
    await services.fire('early/a', { n: 0 })
    const tail = await tailOn(server.url, { json: true, globs: ['early/*'], sinceMs: 0 })
    await services.fire('early/a', { n: 1 })
    await tail.lines.reach(1)
    expect(numbersOf(tail.lines.items)).toEqual([1])
    await tail.stop()
  })

  it('shows only events for which every condition holds', async () => {
    const tail = await tailOn(server.url, { json: true, globs: ['w/**'], where: ['data.id=web*', 'data.load>2'] })
    const events = [
      { id: 'web1', load: 1 },
      { id: 'db1', load: 9 },
      { id: 'web2', load: 3 },
      { id: 'web3', load: 4 },
    ]
    for (const [n, event] of events.entries()) await services.fire('w/x', { ...event, n })
    await tail.lines.reach(2)
    expect(numbersOf(tail.lines.items)).toEqual([2, 3])
    await tail.stop()
  })

  it('counts each minion that replied to a function once, in the words of the listener of Salt', async () => {
    const tail = await tailOn(server.url, { func: 'test.ping', count: 2 })
    const reply = (id: string, jid: string, fun: string) =>
      services.fireAs(minionOrigin(id))(`salt/job/${jid}/ret/${id}`, { id, jid, fun, return: true, retcode: 0 })
    await reply('web1', '1', 'test.ping')
    await reply('web1', '2', 'test.ping')
    await reply('db1', '1', 'cmd.run')
    // What a minion says in the name of another counts for nobody.
    await services.fireAs(minionOrigin('web1'))('salt/job/1/ret/db1', { fun: 'test.ping' })
    await reply('db1', '1', 'test.ping')
    await within(tail.done, 'the second reply')
    expect(tail.lines.items).toEqual([
      'Reply received from [web1].Total replies now:[1].',
      'Reply received from [db1].Total replies now:[2].',
    ])
    await tail.stop()
  })

  it('goes on where the event store is replaced under it, and says so', async () => {
    const other = await startTestServer()
    const first = await startServices(other.url)
    try {
      const tail = await tailOn(other.url, { json: true })
      for (let n = 0; n < 3; n++) await first.fire('x', { n })
      await tail.lines.reach(3)
      const jsm = await jetstreamManager(first.bus.nc)
      await jsm.streams.delete(streamNames('reactor').events)
      await provisionStreams(first.bus.nc, 'reactor', DEFAULT_LIMITS)
      for (let n = 3; n < 6; n++) await first.fire('x', { n })
      await tail.lines.reach(6)
      expect(numbersOf(tail.lines.items)).toEqual(firstNumbers(6))
      expect(tail.notices.items).toEqual(['the event store has begun anew; following the new one'])
      await tail.stop()
    } finally {
      await first.stop()
      await other.stop()
    }
  })

  it('passes over an event that is nested deeper than anything can write again', async () => {
    const tail = await tailOn(server.url, { json: true, globs: ['deep', 'after'] })
    const body = `{"tag":"deep","data":{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`
    await services.publisher.publish(services.bus.subjects.event(userOrigin('ada'), 'deep'), body)
    await services.fire('after', { n: 1 })
    expect(numbersOf(await tail.lines.reach(1))).toEqual([1])
    expect(tail.notices.items[0]).toMatch(/malformed event is passed over: .*deep.*nested deeper than 500 levels/)
    await tail.stop()
  })

  it('shows what is no event as a line that says so, and goes on', async () => {
    const tail = await tailOn(server.url, { globs: ['bad/**', 'good'] })
    await services.publisher.publish(services.bus.subjects.event(serviceOrigin('_jobs'), 'bad/json'), 'no \x1b[2J json')
    await services.fire('good', { n: 1 })
    const lines = await tail.lines.reach(2)
    expect(lines[0]).toMatch(/ malformed: .*bad/)
    expect(lines[0]).not.toContain('\x1b')
    expect(lines[1]).toContain('good')
    await tail.stop()
  })

  it('follows live events where no history is served, and says that the past cannot be had', async () => {
    const bare = await startTestServer()
    const without = await startServices(bare.url, { history: false })
    try {
      const tail = await tailOn(bare.url, { json: true })
      await without.fire('live', { n: 7 })
      await tail.lines.reach(1)
      expect(numbersOf(tail.lines.items)).toEqual([7])
      await tail.stop()
      await expect(tailOn(bare.url, { sinceMs: 1000 })).rejects.toThrow(/reading past events: nobody answers/)
    } finally {
      await without.stop()
      await bare.stop()
    }
  })

  it('refuses a bad condition and a bad glob before it follows anything', async () => {
    await expect(tailOn(server.url, { where: ['data.id'] })).rejects.toThrow(ReactorError)
    await expect(tailOn(server.url, { globs: ['a/[b'] })).rejects.toThrow(/never closed/)
  })
})

describe('reactions', () => {
  let server: TestServer
  let services: Services
  beforeAll(async () => {
    server = await startTestServer()
    services = await startServices(server.url)
  })
  afterAll(async () => {
    await services?.stop()
    await server?.stop()
  })

  const react = async (fired: { id: string; seq: number }, tag: string) => {
    const { subjects } = services.bus
    const event = { id: fired.id, tag, origin: '_user-ada', seq: fired.seq, storedMs: Date.now(), hops: 0 }
    const action = { kind: 'local', fun: 'service.restart', tgt: 'web1', arg: ['nginx'], kwarg: {} }
    await services.store(subjects.reaction('fast', 'restart-nginx'), {
      rule: 'restart-nginx',
      bundle: 'b',
      reactions: [{ event, actions: [action] }],
    })
    const decision = {
      key: `${fired.id}/restart-nginx`,
      rule: 'restart-nginx',
      event: fired.id,
      tag,
      state: 'done',
      ms: 12,
      jids: ['20261120091820838387'],
    }
    await services.store(subjects.done('w1'), { worker: 'w1', decisions: [decision] })
  }

  it('stand under the event that caused them', async () => {
    const tail = await tailOn(server.url, { globs: ['nginx/*'] })
    await react(await services.fire('nginx/down', { n: 1 }), 'nginx/down')
    const lines = await tail.lines.reach(3)
    expect(lines[0]).toContain('nginx/down')
    expect(lines.slice(1)).toEqual([
      '  └ rule restart-nginx → local.service.restart web1 nginx',
      '  └ ✓ restart-nginx done in 12 ms (jid 20261120091820838387)',
    ])
    await tail.stop()
  })

  it('and events are those of the streams: what anybody else says on their subjects is none', async () => {
    const tail = await tailOn(server.url, { globs: ['said/*'] })
    const { nc, subjects } = services.bus
    const said = async (subject: string, body: unknown) => {
      nc.publish(subject, JSON.stringify(body))
      await nc.flush()
    }
    await said(`${subjects.livePrefix}_master.said.forged`, { data: { n: 1 } })
    const event = { id: 'forged', tag: 'said/forged', origin: '_user-ada', seq: 1, storedMs: Date.now(), hops: 0 }
    await said(`${subjects.decisionPrefix}reaction.fast.forged`, {
      ...{ rule: 'forged', bundle: 'b', reactions: [{ event, actions: [] }] },
    })
    await react(await services.fire('said/x', {}), 'said/x')
    await said(`${subjects.livePrefix}_master.said.forged`, { data: { n: 2 } })
    await services.fire('said/y', {})
    const lines = await tail.lines.reach(4)
    expect(lines.join('\n')).not.toContain('forged')
    expect(lines[3]).toContain('said/y')
    await tail.stop()
  })

  it('are shown only where their event is', async () => {
    const tail = await tailOn(server.url, { globs: ['seen/*'] })
    await react(await services.fire('unseen/x', {}), 'unseen/x')
    await services.fire('seen/x', {})
    await react(await services.fire('seen/y', {}), 'seen/y')
    const lines = await tail.lines.reach(4)
    expect(lines.map(line => line.trim().split(' ')[1])).toEqual(['seen/x', 'seen/y', 'rule', '✓'])
    await tail.stop()
  })

  it('are objects of their own with JSON, where asked for', async () => {
    const tail = await tailOn(server.url, { json: true, reactions: true, globs: ['json/*'] })
    await react(await services.fire('json/x', {}), 'json/x')
    const [, stored, done] = (await tail.lines.reach(3)).map(line => JSON.parse(line))
    expect(stored.reaction).toMatchObject({ state: 'stored', rule: 'restart-nginx', event: { tag: 'json/x' } })
    expect(done.reaction).toMatchObject({ state: 'done', rule: 'restart-nginx', ms: 12 })
    const other = { key: 'x/r', rule: 'r', event: 'x', tag: 'json/z', ms: 1, jids: [] }
    await services.store(services.bus.subjects.done('w1'), {
      worker: 'w1',
      decisions: [
        { ...other, state: 'retrying', next: 5, attempt: 2, by: 'ada' },
        { ...other, tag: 'unseen' },
      ],
      suppressed: [{ rule: 'r', reason: 'throttle', bundle: 'b', events: [{ id: 'y', tag: 'json/y' }] }],
    })
    const [retrying, suppressed] = (await tail.lines.reach(5)).slice(3).map(line => JSON.parse(line).reaction)
    expect(retrying).toMatchObject({ state: 'retrying', rule: 'r', next: 5, attempt: 2, by: 'ada' })
    expect(suppressed).toMatchObject({ state: 'suppressed', rule: 'r', reason: 'throttle', events: [{ id: 'y' }] })
    await tail.stop()
  })
})

describe('a server that restarts under the tail', () => {
  let server: RestartableServer
  beforeAll(async () => {
    server = await startRestartableServer()
  })
  afterAll(() => server?.remove())

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'costs no event and doubles none (%s), and is told once',
    async how => {
      const tag = `restart/${how}`
      const services = await startServices(server.url)
      const tail = await tailOn(server.url, { json: true, globs: [tag] })
      const load = keepFiring(services, tag)
      await tail.lines.reach(200)
      await server.end(how)
      await server.start()
      const before = tail.lines.items.length
      await tail.lines.reach(before + 500)
      const stored = await load.stop()
      await tail.lines.reach(stored)
      expect(numbersOf(tail.lines.items).sort((a, b) => a - b)).toEqual(firstNumbers(stored))
      expect(tail.notices.items).toEqual([
        'the link to the NATS server is lost; waiting for it',
        'the link to the NATS server is back',
      ])
      await tail.stop()
      await services.stop()
    },
    40_000,
  )

  it('shows what was stored while the link was down, although nothing comes after it', async () => {
    const services = await startServices(server.url)
    const tail = await tailOn(server.url, { json: true, globs: ['quiet/*'] })
    await services.fire('quiet/x', { n: 0 })
    await tail.lines.reach(1)
    await server.end()
    const late = services.fire('quiet/x', { n: 1 })
    await server.start()
    await late
    await tail.lines.reach(2)
    expect(numbersOf(tail.lines.items)).toEqual([0, 1])
    await tail.stop()
    await services.stop()
  })
})
