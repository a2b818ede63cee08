import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { maxPayload } from '../../src/bus/max-payload.ts'
import { requestJson } from '../../src/bus/request.ts'
import { streamNames } from '../../src/protocol/streams.ts'
import { resolveTarget } from '../../src/protocol/target.ts'
import { escapeToken } from '../../src/protocol/token.ts'
import { storedIn } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { untilTaken } from '../helpers/wait.ts'
import { startPillarSystem } from './system.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const SECRET = 'correct horse battery'
const FILES = {
  'base/top.sls': "base: {'*': [main], 'bad*': [broken]}",
  'base/main.sls': 'me: {{ grains.id }}\nos: {{ grains.os }}\nrole: {name: front}\npassword: !env DB_PASSWORD\n',
  'base/broken.sls': 'a: {{ missing }}\n',
}
const WITH_SECRET = { env: { DB_PASSWORD: SECRET } }
const DEBIAN = { os: 'Debian' }

describe("the master's pillar", () => {
  it('is compiled for the minion of the subject, whatever its grains say of its id', async () => {
    const { minion } = await startPillarSystem(server, FILES, WITH_SECRET)
    const { value, errors } = await minion('web1', { os: 'Debian', id: 'db1' }).refresh()
    expect(errors).toEqual([])
    expect(value).toEqual({ me: 'web1', os: 'Debian', role: { name: 'front' }, password: SECRET })
  })

  it.each(['a.b', 'ü ö', '_master'])('is for a minion of any id: %s', async id => {
    const { minion } = await startPillarSystem(server, FILES, WITH_SECRET)
    expect((await minion(id, DEBIAN).refresh()).value.me).toBe(id)
  })

  it('is in force on the minion once it was refreshed, and compiled for one call without that', async () => {
    const { minion, write } = await startPillarSystem(server, FILES, WITH_SECRET)
    const own = minion('web1', DEBIAN)
    expect(own.current().errors).toEqual([expect.stringContaining('has not been fetched yet')])
    const followed: unknown[] = []
    own.follow(({ value }) => followed.push(value.a))
    await write('base/main.sls', 'a: 1\n')
    await own.refresh()
    await write('base/main.sls', 'a: 2\n')
    expect((await own.compile()).value).toEqual({ a: 2 })
    expect(own.current().value).toEqual({ a: 1 })
    await own.refresh()
    expect(own.current().value).toEqual({ a: 2 })
    expect(followed).toEqual([1, 2])
  })

  it('goes over the size of a message where it can be compressed, and is refused where not', async () => {
    const { nc, minion, write } = await startPillarSystem(server, FILES, WITH_SECRET)
    const own = minion('web1', DEBIAN)
    await write('base/main.sls', `a: ${'x'.repeat(3 * maxPayload(nc))}\n`)
    expect(String((await own.refresh()).value.a)).toHaveLength(3 * maxPayload(nc))
    const noise = Array.from({ length: maxPayload(nc) / 8 }, () => Math.random().toString(36).slice(2, 14)).join('')
    await write('base/main.sls', `a: ${noise}\n`)
    await expect(own.refresh()).rejects.toThrow(/the pillar has \d+ bytes, and \d+ when it is compressed/)
  })

  it.each<[string, unknown, RegExp]>([
    ['has no grains', {}, /a request for pillar: grains/],
    ['has an unknown key', { grains: {}, minion: 'db1' }, /a request for pillar/],
    ['lays no map over it', { grains: {}, override: 1 }, /a request for pillar: override/],
  ])('is refused to a request that %s', async (_what, body, error) => {
    const { nc, subjects } = await startPillarSystem(server, FILES, WITH_SECRET)
    const answer = requestJson(nc, subjects.ofMinion('pillar', 'web1'), body, { timeoutMs: 5000, what: 'pillar' })
    await expect(answer).rejects.toThrow(error)
  })

  it('is not given to more requests of one minion at once than it can need', async () => {
    const { minion } = await startPillarSystem(server, FILES, WITH_SECRET)
    const [own, other] = [minion('web1', DEBIAN), minion('web2', DEBIAN)]
    const all = Promise.allSettled(Array.from({ length: 60 }, () => own.compile()))
    expect((await other.compile()).errors).toEqual([])
    const refused = (await all).filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    expect(String((refused[0] as PromiseRejectedResult).reason)).toContain('requests for the pillar of this minion')
  })
})

describe('targets by pillar', () => {
  it.each<[string, string]>([
    ['pillar', 'role:name:fr*'],
    ['pillar_pcre', 'role:name:^front$'],
    ['pillar_exact', 'role:name:front'],
    ['compound', 'I@role:name:front and G@os:Debian'],
    ['compound', 'J@role:name:f.*t'],
  ])('find the minions whose pillar matches: %s', async (type, tgt) => {
    const { minion, know, fleet } = await startPillarSystem(server, FILES, WITH_SECRET)
    await know('web1', DEBIAN)
    await know('web2', DEBIAN)
    await minion('web1', DEBIAN).refresh()
    const found = () => resolveTarget(tgt, type, fleet.values.values(), { nodegroups: {}, pillar: true }).minions
    await untilTaken('the target to find it', async () => expect(found()).toEqual(['web1']))
  })

  it('see neither secrets, nor what is laid over the pillar of one call', async () => {
    const { minion, know, fleet, bucket } = await startPillarSystem(server, FILES, WITH_SECRET)
    await know('web1', DEBIAN)
    const own = minion('web1', DEBIAN)
    await own.refresh()
    await own.compile({ override: { role: { name: 'back' } } })
    await untilTaken('the pillar to be seen', async () => expect(fleet.values.get('web1')?.pillar).toBeDefined())
    const found = (tgt: string) =>
      resolveTarget(tgt, 'pillar', fleet.values.values(), { nodegroups: {}, pillar: true }).minions
    expect(found(`password:${SECRET}`)).toEqual([])
    expect(found('role:name:back')).toEqual([])
    expect((await bucket.get(escapeToken('web1')))?.json()).toMatchObject({ pillar: { password: '[redacted]' } })
  })
})

describe('what is wrong with a pillar', () => {
  it('is told to its minion in short, to people in full, and once', async () => {
    const { minion, jobs, lines, ns, nc, write, events } = await startPillarSystem(server, FILES, WITH_SECRET)
    const bad = minion('bad1', DEBIAN)
    for (let times = 0; times < 3; times++)
      expect((await bad.refresh()).errors).toEqual([
        "Rendering SLS 'broken' failed. Please see master log for details.",
      ])
    expect(bad.current().value).toMatchObject({ me: 'bad1' })
    expect((await minion('web1', DEBIAN).refresh()).errors).toEqual([])
    const whole = expect.stringContaining("Jinja variable 'missing' is undefined")
    expect((await jobs.show('bad1', { grains: DEBIAN })).errors).toEqual([whole])
    await lines.find(({ msg }) => msg.includes("Jinja variable 'missing' is undefined"), 'the line of the log')
    await write('base/broken.sls', 'a: 1\n')
    expect((await bad.refresh()).errors).toEqual([])
    await events.find(({ tag, data }) => tag.startsWith('salt/pillar/') && String(data.errors) === '', 'the mending')
    const told = (await storedIn<{ tag: string; data: { id: string; errors: string[] } }>(nc, streamNames(ns).events))
      .map(({ body }) => body)
      .filter(({ tag }) => tag.startsWith('salt/pillar/'))
    expect(told.map(({ tag, data }) => [tag, data.errors])).toEqual([
      ['salt/pillar/bad1/errors', [whole]],
      ['salt/pillar/bad1/errors', []],
    ])
  })
})

describe('what job workers see of a pillar', () => {
  it('is made from the grains that the minion sent last, without secrets', async () => {
    const { know, jobs, fleet } = await startPillarSystem(server, FILES, WITH_SECRET)
    await know('web1', { os: 'Arch' })
    await untilTaken('the grains to be seen', async () => expect(fleet.values.size).toBe(1))
    const seen = { me: 'web1', os: 'Arch', role: { name: 'front' }, password: '[redacted]' }
    await untilTaken('the master to know it', async () =>
      expect(await jobs.show('web1')).toEqual({ value: seen, errors: [] }),
    )
    expect(await jobs.top('bad1')).toEqual({ matches: { base: ['main', 'broken'] }, errors: [] })
  })
})
