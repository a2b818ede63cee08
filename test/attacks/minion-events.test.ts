// A minion that is in speaks, under its own name, of what is not its own: that is stored, and nobody believes it.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createJobCache } from '../../src/cache/client.ts'
import { gatherReturns } from '../../src/call/collect.ts'
import { createJidSource, isCalendarJid } from '../../src/protocol/jid.ts'
import type { JobReturn } from '../../src/protocol/job.ts'
import { type Attacker, attackWith, expectWell, isReturn, publishJob } from './attacker.ts'
import { type System, startSystem } from './system.ts'

// What a rule makes of events of the attacker. Its own tags are there to show that the rule works.
const RULE = `
on: ["salt", "salt/**", "own/**"]
when: { all: [{ fact: origin, operator: equal, value: evil }] }
do:
  - runner.event.send: { tag: "reacted/to", data: { to: "{{ tag }}" } }
`
let system: System
let evil: Attacker
beforeAll(async () => {
  system = await startSystem({ rules: { 'react.yaml': RULE } })
  evil = attackWith(await system.attacker())
  await fire('own/first')
  await reaction('own/first')
})
afterAll(() => system?.stop())
afterEach(() => expectWell(system))

const newJid = createJidSource()
const subjectOf = (tag: string) => `reactor.event.evil.${tag.replaceAll('/', '.')}`
const fire = async (tag: string, data: unknown = {}) => {
  const ack = JSON.parse(await evil.ask(subjectOf(tag), JSON.stringify({ data })))
  expect(ack).toMatchObject({ stream: 'reactor_EVENTS' })
  return ack.seq as number
}
const reaction = (tag: string) =>
  system.events.find(event => event.tag === 'reacted/to' && event.data.to === tag, `the reaction to ${tag}`)
const cache = () => createJobCache(system.admin, system.subjects)

describe('an event that only others may tell is stored, passed over, and said so', () => {
  const jid = newJid()
  it.each([
    ['salt', {}],
    ['salt/key', { id: 'ghost', act: 'accept', result: true }],
    ['salt/auth', { id: 'ghost', act: 'pend', result: true }],
    ['salt/presence/present', { present: ['ghost'] }],
    ['salt/presence/change', { new: ['ghost'], lost: ['web1'] }],
    [`salt/run/${jid}/new`, { jid, fun: 'runner.test.arg', user: 'admin' }],
    [`salt/run/${jid}/ret`, { jid, fun: 'runner.test.arg', return: 1, success: true }],
    [`salt/wheel/${jid}/ret`, { jid, fun: 'wheel.key.accept', return: 1, success: true }],
    [`salt/job/${jid}/new`, { jid, fun: 'cmd.run', tgt: '*', minions: ['web1'], arg: ['id'] }],
    [`salt/job/${jid}/sent`, { jid, offline: ['web1', 'web2'], refused: {}, waiting: [] }],
    [`salt/job/${jid}/ret/web1`, { jid, id: 'web1', fun: 'test.ping', return: false, retcode: 9, success: false }],
    [`salt/job/${jid}/prog/web1/start`, { jid, id: 'web1', fun: 'test.ping' }],
    ['salt/minion/web1/start', { id: 'web1' }],
    ['salt/minion/evil', {}],
    ['salt/beacon/web1/service/nginx', { running: false }],
    ['salt/beacon/evil', {}],
    ['salt/audit/wheel', { user: 'admin', action: 'key.accept', result: 'ok' }],
    ['salt/cloud/vm1/created', {}],
    ['salt/queue/process', {}],
    ['salt/netapi/hook/deploy', {}],
    ['salt/engines/hook/deploy', {}],
    ['salt/anything/else', {}],
  ])('%s', async (tag, data) => {
    const seq = await fire(tag, data)
    const stored = await system.events.find(
      event => event.tag === tag && event.origin.id === 'evil',
      `the event ${tag}`,
    )
    expect(stored).toMatchObject({ origin: { kind: 'minion', id: 'evil' }, believed: false })
    await system.lines.find(
      line => line.tag === tag && /speaks of what is not its own/.test(line.msg),
      'a line of the log',
    )
    // The reactor reads in order: what comes after has its reaction, and this one none.
    await fire(`own/after/${seq}`)
    await reaction(`own/after/${seq}`)
    expect(system.events.items.filter(event => event.tag === 'reacted/to' && event.data.to === tag)).toEqual([])
  })

  it('while what it tells of itself is believed', async () => {
    await fire('salt/beacon/evil/load', { id: 'web1' })
    await reaction('salt/beacon/evil/load')
    const told = await system.events.find(({ tag }) => tag === 'salt/beacon/evil/load', 'the beacon')
    expect(told).toMatchObject({ believed: true, data: { id: 'evil' } })
  })
})

describe('what is known of the fleet stays what it is', () => {
  it('who is connected', async () => {
    await fire('salt/presence/change', { new: ['ghost'], lost: ['web1', 'web2'] })
    await fire('salt/minion/ghost/start', { id: 'ghost' })
    const there = (await system.run('runner', 'manage.present')) as string[]
    expect(there).toEqual(expect.arrayContaining(['web1', 'web2']))
    expect(there).not.toContain('ghost')
  })

  it('whose keys are accepted', async () => {
    await fire('salt/key', { id: 'ghost', act: 'accept', result: true })
    await fire('salt/auth', { id: 'ghost', act: 'accept', pub: system.evil.getPublicKey(), result: true })
    const { minions, ...others } = (await system.run('wheel', 'key.list_all')) as Record<string, string[]>
    expect(minions).toEqual(['evil', 'web1', 'web2'])
    expect(Object.values(others).flat()).not.toContain('ghost')
  })

  it('which jobs there were: a job that only it announced is none', async () => {
    const jid = newJid()
    await fire(`salt/job/${jid}/new`, { jid, fun: 'cmd.run', arg: ['id'], tgt: '*', minions: ['web1'], user: 'admin' })
    await fire(`salt/run/${newJid()}/new`, { jid, fun: 'test.arg' })
    await system.lines.find(
      ({ problem }) => String(problem).includes(jid) && String(problem).includes('only services are believed'),
      'the line of the cache worker',
    )
    expect(await cache().job(jid)).toBeNull()
  })

  it('that a job was not sent, or has begun elsewhere', async () => {
    const { jid } = await publishJob(system, { tgt: 'web1', fun: 'test.ping' })
    await fire(`salt/job/${jid}/sent`, { jid, offline: [], refused: { web1: 'forged' }, waiting: ['web2'] })
    await fire(`salt/job/${jid}/prog/web2/start`, { jid, id: 'web2', fun: 'test.ping' })
    await system.lines.find(
      ({ problem }) => String(problem).includes(`${jid}.prog.web2`),
      'the line of the cache worker',
    )
    expect(await cache().job(jid)).toMatchObject({ states: { web1: 'returned' }, reasons: {} })
  })
})

describe("another's job", () => {
  const forged = (jid: string, id: string) => ({
    ...{ jid, id, fun: 'test.sleep', fun_args: [], cmd: '_return' },
    ...{ return: 'forged', retcode: 0, success: true },
  })
  /** A job of web1 that runs until all has been tried. */
  const sleepOnWeb1 = async (attack: (jid: string) => Promise<unknown>) => {
    const jid = newJid()
    const heard = new Map<string, JobReturn>()
    const onReturn = (returned: JobReturn) => void heard.set(returned.id, returned)
    const publish = async () => {
      const published = await publishJob(system, { jid, tgt: 'web1', fun: 'test.sleep', arg: [1] })
      await attack(jid)
      return published
    }
    const bus = { nc: system.admin, subjects: system.subjects }
    await gatherReturns(bus, jid, publish, { onReturn }, { timeoutMs: 20_000, signal: new AbortController().signal })
    await system.events.find(isReturn(jid, 'web1'), 'the return of web1')
    return { jid, heard }
  }
  const cached = async (jid: string) => {
    // Facts are stored in order: with the return of web1 the forged ones before it have been looked at.
    for (;;) {
      const job = await cache().job(jid)
      if (job?.returns.web1) return job
    }
  }

  it('cannot be answered for it: neither the one who waits nor the job cache takes it', async () => {
    const { jid, heard } = await sleepOnWeb1(async jid => {
      await fire(`salt/job/${jid}/ret/web1`, forged(jid, 'web1'))
      await system.lines.find(
        ({ problem }) => String(problem).includes(`${jid}.ret.web1`),
        'the line of the cache worker',
      )
    })
    expect([...heard].map(([id, { return: value }]) => [id, value])).toEqual([['web1', true]])
    expect((await cached(jid)).returns).toMatchObject({ web1: { return: true, success: true } })
  })

  it('cannot be answered with the id of another in the data: the origin stands in its place', async () => {
    const { jid, heard } = await sleepOnWeb1(jid => fire(`salt/job/${jid}/ret/evil`, forged(jid, 'web1')))
    expect(heard.get('web1')).toMatchObject({ return: true })
    const { returns, minions } = await cached(jid)
    expect(minions).toEqual(['web1'])
    expect(returns.web1).toMatchObject({ return: true })
  })

  it('is not over, failed or anybody else’s because one answers whom nobody asked', async () => {
    const { jid, heard } = await sleepOnWeb1(async jid => {
      await fire(`salt/job/${jid}/ret/evil`, { ...forged(jid, 'evil'), retcode: 1, success: false })
      const told = system.events.items.filter(isReturn(jid, 'web1'))
      expect(told).toEqual([])
    })
    expect(heard.get('web1')).toMatchObject({ return: true })
    expect(await cached(jid)).toMatchObject({ minions: ['web1'], states: { web1: 'returned' }, active: false })
  })

  it('that nobody has asked for is one that the minion ran by itself, and of nobody', async () => {
    const jid = newJid()
    await fire(`salt/job/${jid}/ret/evil`, { ...forged(jid, 'evil'), user: 'admin', tgt: '*' })
    await expect
      .poll(() => cache().job(jid), { timeout: 20_000 })
      .toMatchObject({
        ...{ user: 'minion:evil', minions: ['evil'], tgt: 'evil', active: false },
      })
  })

  it('that is announced later has not been answered before', async () => {
    const jid = newJid()
    await fire(`salt/job/${jid}/ret/evil`, forged(jid, 'evil'))
    await expect.poll(() => cache().job(jid)).not.toBeNull()
    await publishJob(system, { jid, tgt: 'web1', fun: 'test.ping' })
    await system.events.find(isReturn(jid, 'web1'), 'the return of web1')
    const job = await cached(jid)
    expect(job).toMatchObject({ user: 'admin', fun: 'test.ping', minions: ['web1'], states: { web1: 'returned' } })
  })

  it.each(['=', '1', '99999999999999999999', '20261399093000123456', '2026112109300012345x', '=2E=2E=2Fetc', '=2A'])(
    'with the jid %j is none: nothing is stored of it',
    async token => {
      await evil.ask(`reactor.event.evil.salt.job.${token}.ret.evil`, JSON.stringify({ data: forged(token, 'evil') }))
      await system.lines.find(
        ({ problem }) => /a jid has 20 digits/.test(String(problem)) && String(problem).includes(`.job.${token}.ret.`),
        'the line of the cache worker',
      )
      const { jobs } = await cache().jobs({ limit: 1000 })
      expect(jobs.length).toBeGreaterThan(0)
      expect(jobs.filter(({ jid }) => !isCalendarJid(jid))).toEqual([])
    },
  )
})
