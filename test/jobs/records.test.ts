import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { createFire } from '../../src/bus/fire.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher, type Publisher } from '../../src/bus/publish.ts'
import { openJobRecords } from '../../src/jobs/records.ts'
import { serviceOrigin } from '../../src/protocol/origin.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'

const subjects = createSubjects('reactor')
const KEEP_MS = 5 * 3_600_000
let server: RestartableServer
let nc: NatsConnection
let publisher: Publisher

beforeEach(async () => {
  server = await startRestartableServer()
  nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0 })
  await provisionStreams(nc, 'reactor', DEFAULT_LIMITS)
  publisher = createPublisher(nc)
})

afterEach(async () => {
  publisher.stop()
  await nc.close()
  await server.remove()
})

describe('job records', () => {
  const times = { deadline: 0, run_until: 0 }
  const base = { kind: 'local' as const, fun: 'test.ping', arg: [], kwarg: {}, user: 'root', hops: 1, ...times }
  const work = { key: 'event/rule/0', causeMs: Date.UTC(2026, 10, 20, 9, 18, 20) }

  it('are stored before they are given, and found by their jid', async () => {
    const records = await openJobRecords(nc, subjects, publisher, KEEP_MS)
    const { record, resumed } = await records.open(base, {})
    expect(resumed).toBe(false)
    expect(record).toMatchObject({ ...base, key: record.jid })
    expect(await records.find(record.jid)).toEqual(record)
    expect(await records.find('20261120091820838387')).toBeUndefined()
  })

  it('take a jid that was asked for once', async () => {
    const records = await openJobRecords(nc, subjects, publisher, KEEP_MS)
    const jid = '20261120091820838387'
    expect((await records.open(base, { jid })).record.jid).toBe(jid)
    await expect(records.open(base, { jid })).rejects.toMatchObject({
      code: 'jid_taken',
      message: expect.stringContaining(jid),
    })
  })

  it('refuse old work whose record is gone where it was announced before: its minions do not know it any more', async () => {
    const records = await openJobRecords(nc, subjects, publisher, KEEP_MS)
    const old = { ...work, causeMs: Date.now() - 3_700_000 }
    const { record } = await records.open(base, { work: old })
    expect(await records.open(base, { work: old })).toEqual({ record, resumed: true })
    const gone = async () => {
      const jsm = await jetstreamManager(nc)
      await jsm.streams.purge('reactor_JOBS')
    }
    await gone()
    // It was not announced, so nobody had it.
    expect(await records.open(base, { work: old })).toMatchObject({ resumed: false, record: { jid: record.jid } })
    await createFire(publisher, subjects, serviceOrigin('_jobs'))(`salt/job/${record.jid}/new`, {})
    expect(await records.open(base, { work: old })).toMatchObject({ resumed: true })
    await gone()
    for (let n = 0; n < 2; n++)
      await expect(records.open(base, { work: old })).rejects.toMatchObject({
        code: 'outcome_unknown',
        message: expect.stringContaining(record.jid),
      })
    expect(await records.find(record.jid)).toBeUndefined()
  })

  it('give the same record to whoever takes the same work over, after a restart too', async () => {
    const first = await (await openJobRecords(nc, subjects, publisher, KEEP_MS)).open(base, { work })
    await server.end('SIGKILL')
    await server.start()
    await publisher.publish('reactor.done.x', '{"decisions":[]}')
    const second = await (await openJobRecords(nc, subjects, publisher, KEEP_MS)).open(
      { ...base, fun: 'other.fun' },
      { work },
    )
    expect(second).toEqual({ record: first.record, resumed: true })
  })

  it('give one of many that ask at once the job, and the others the same record', async () => {
    const records = await openJobRecords(nc, subjects, publisher, KEEP_MS)
    const opened = await Promise.all(Array.from({ length: 10 }, () => records.open(base, { work })))
    expect(opened.filter(one => !one.resumed)).toHaveLength(1)
    expect(new Set(opened.map(one => one.record.announce)).size).toBe(1)
  })

  it('know their own record when its ack was lost for longer than the stream remembers ids', async () => {
    // The server has the first publish; what comes back says that the subject is taken.
    const forgetful: Publisher = {
      ...publisher,
      async publish(subject, body, options) {
        await publisher.publish(subject, body, options)
        return publisher.publish(subject, body, { ...options, id: 'another-id' })
      },
    }
    const records = await openJobRecords(nc, subjects, forgetful, KEEP_MS)
    expect(await records.open(base, { work })).toMatchObject({ resumed: false, record: { key: work.key } })
    expect(await records.open(base, { jid: '20261120091820838387' })).toMatchObject({ resumed: false })
  })

  it('live for an hour; marks of what may not be done twice as long as events', async () => {
    const records = await openJobRecords(nc, subjects, publisher, KEEP_MS)
    const jsm = await jetstreamManager(nc)
    const ttlOf = async (subject: string) =>
      (await jsm.streams.getMessage('reactor_JOBS', { last_by_subj: subject }))?.header.get('Nats-TTL')
    const { record } = await records.open({ ...base, deadline: 0 }, {})
    await records.mark(work)
    expect(await ttlOf(subjects.jobRecord(record.jid))).toBe('3600')
    expect(await ttlOf(subjects.startMark(work.key))).toBe('18000')
  })

  it('say of marked work that it was begun, whenever its cause was stored, and not of its own repeat', async () => {
    const forgetful: Publisher = {
      ...publisher,
      async publish(subject, body, options) {
        await publisher.publish(subject, body, options)
        // The stream has forgotten the id, and says that the subject is taken.
        throw new ReactorError('store_refused', 'taken', { taken: true })
      },
    }
    const own = await openJobRecords(nc, subjects, forgetful, KEEP_MS)
    expect(await own.mark(work)).toEqual({ before: false, causeMs: work.causeMs })
    const records = await openJobRecords(nc, subjects, publisher, KEEP_MS)
    const again = { ...work, causeMs: work.causeMs + 86_400_000 }
    expect(await records.mark(again)).toEqual({ before: true, causeMs: work.causeMs })
    expect(await records.mark({ ...work, key: 'other/rule/0' })).toMatchObject({ before: false })
  })

  it('refuse old work that was with a worker before, where events of its time are gone', async () => {
    const records = await openJobRecords(nc, subjects, publisher, KEEP_MS)
    const fire = createFire(publisher, subjects, serviceOrigin('_jobs'))
    const old = { ...work, causeMs: Date.now() - 3_700_000 }
    // The oldest event that is kept is younger than its cause.
    await fire('any/event', {})
    await expect(records.open(base, { work: { ...old, again: true } })).rejects.toMatchObject({
      code: 'outcome_unknown',
    })
    // It waited for long, and comes for the first time.
    expect(await records.open(base, { work: old })).toMatchObject({ resumed: false })
    const young = { key: 'young/rule/0', causeMs: Date.now() - 60_000, again: true } as const
    expect(await records.open(base, { work: young })).toMatchObject({ resumed: false })
  })

  it('that cannot be read are away for a moment, and not taken by others', async () => {
    const records = await openJobRecords(nc, subjects, publisher, KEEP_MS)
    await server.end('SIGKILL')
    await expect(records.find('20261120091820838387')).rejects.toMatchObject({ code: 'unreachable' })
    await server.start()
  })

  it('give other work with the same jid the next one', async () => {
    const records = await openJobRecords(nc, subjects, publisher, KEEP_MS)
    const first = await records.open(base, { work })
    // Another's record stands where this work's jid would be.
    const other = { ...work, key: 'other/rule/0' }
    const taken = await records.open(base, { work: other })
    await (await jetstreamManager(nc)).streams.purge('reactor_JOBS')
    await records.open(base, { jid: taken.record.jid })
    const moved = await records.open(base, { work: other })
    expect(moved).toMatchObject({ resumed: false, record: { key: other.key } })
    expect(moved.record.jid).not.toBe(taken.record.jid)
    expect(await records.open(base, { work: other })).toEqual({ record: moved.record, resumed: true })
    expect(first.record.jid).not.toBe(moved.record.jid)
  })

  it('say that the store is full, and do not look for another jid for ever', async () => {
    const jsm = await jetstreamManager(nc)
    await jsm.streams.update('reactor_JOBS', { max_msgs: 1 } as never)
    const records = await openJobRecords(nc, subjects, publisher, KEEP_MS)
    await records.open(base, {})
    await expect(records.open(base, {})).rejects.toMatchObject({ code: 'store_refused' })
    await expect(records.open(base, { jid: '20261120091820838387' })).rejects.toMatchObject({ code: 'store_refused' })
  })
})
