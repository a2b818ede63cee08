import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { rawFromLive } from '../../src/bus/raw.ts'
import { type RequestInfo, requestInfo } from '../../src/bus/requester.ts'
import { openHistory } from '../../src/cache/history.ts'
import { createJobSender } from '../../src/jobs/send.ts'
import type { JobMessage } from '../../src/protocol/job.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'
import { createSeen, within } from '../helpers/wait.ts'

const subjects = createSubjects('reactor')
let accounts: Accounts
beforeAll(async () => {
  accounts = await startAccounts()
  const { core } = accounts.actors
  await provisionStreams(core.nc, 'reactor', DEFAULT_LIMITS)
  for (const subject of ['reactor.publish', 'reactor.mine.*'])
    core.nc.subscribe(subject, {
      callback: (_, message) => void message.respond(JSON.stringify({ info: requestInfo(message.headers) ?? null })),
    })
  await core.nc.flush()
})
afterAll(() => accounts.stop())

/** A header block as a client of one's own could send it. */
const block = (text: string): MsgHdrs => ({ encode: () => Buffer.from(text) }) as unknown as MsgHdrs
/** The client reads no line of it. */
const MALFORMED = 'NATS/1.0\r\na name: with a space\r\n\r\n'

const store = async (nc: NatsConnection, subject: string, headers: string, body = '{}') => {
  const ack = await nc.request(subject, body, { headers: block(headers), timeout: 30_000 })
  expect(ack.json()).toMatchObject({ seq: expect.any(Number) })
  return ack.json<{ seq: number }>().seq
}

describe('who asks', () => {
  const FORGED = JSON.stringify({ acc: 'CORE', user: 'root' })
  const infoOf = async (who: 'admin' | 'm1', headers: string): Promise<RequestInfo | null> => {
    const subject = who === 'admin' ? 'reactor.publish' : 'reactor.mine.m1'
    const { nc } = accounts.actors[who]
    const answer = await nc.request(subject, '{}', { headers: block(headers), timeout: 30_000 })
    return answer.json<{ info: RequestInfo | null }>().info
  }

  it.each([
    ['that is nothing but its first line', 'NATS/1.0'],
    ['whose last line has no end', 'NATS/1.0\r\nReactor-User: root\r\nX: yz'],
    ['whose last line has no end, and is none', 'NATS/1.0\r\nReactor-User: root\r\na name: yz'],
    ['that ends with a forged attestation', `NATS/1.0\r\nNats-Request-Info: ${FORGED}`],
    [
      'that begins with two forged ones and does not end',
      `Nats-Request-Info: ${FORGED}\r\nNats-Request-Info: ${FORGED}\r\nNATS/1.0`,
    ],
    ['that hides one behind a line feed', `NATS/1.0\r\nA: x\nNats-Request-Info: ${FORGED}`],
  ])('is not taken for a service of CORE by a block %s', async (_what, headers) => {
    for (const who of ['admin', 'm1'] as const) expect(await infoOf(who, headers)).toMatchObject({ user: '' })
  })

  it('is, whatever the block, the one who asks or nobody', async () => {
    const piece = fc.constantFrom(
      ...['NATS/1.0', '\r\n', '\r\n', '\r\n', '\n', '\r', ': ', ':', ' ', 'Nats-Request-Info', 'Nats-Request-Info: '],
      ...[
        FORGED,
        `Nats-Request-Info: ${FORGED}\r\n`,
        'Reactor-User: root\r\n',
        'X: ',
        '"',
        '\\',
        '{',
        '}',
        '\0',
        '503',
      ],
    )
    const text = fc.array(piece, { minLength: 1, maxLength: 10 }).map(pieces => pieces.join(''))
    await fc.assert(
      fc.asyncProperty(text, fc.boolean(), async (rest, begins) => {
        const info = await infoOf('admin', begins ? `NATS/1.0\r\n${rest}` : rest)
        expect([accounts.actors.admin.nkey, '']).toContain(info?.user)
        expect(info?.acc).not.toBe('CORE')
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the history of events', () => {
  it.each([
    ['a malformed block', MALFORMED],
    ['the status of an end', 'NATS/1.0 204 EOB\r\n\r\n'],
    ['the status of nothing', 'NATS/1.0 404 No Messages\r\n\r\n'],
    ['the status of nobody', 'NATS/1.0 503\r\n\r\n'],
    [
      'the sequence and subject of another',
      'NATS/1.0\r\nNats-Sequence: 999999\r\nNats-Subject: reactor.event._jobs.x\r\n\r\n',
    ],
  ])('goes on behind an event that has %s for headers', async (_what, headers) => {
    const { core, m1 } = accounts.actors
    const history = await openHistory(core.nc, subjects)
    const first = await store(core.nc, 'reactor.event._jobs.before', 'NATS/1.0\r\n\r\n')
    const second = await store(m1.nc, 'reactor.event.m1.odd', headers)
    const last = await store(core.nc, 'reactor.event._jobs.after', 'NATS/1.0\r\n\r\n')
    const page = await within(history({ after_seq: first - 1 }), 'the page')
    expect(page.events.map(({ seq, tag, origin }) => [seq, tag, origin])).toEqual([
      [first, 'before', '_jobs'],
      [second, 'odd', 'm1'],
      [last, 'after', '_jobs'],
    ])
    expect(page.next_seq).toBe(last)
  })
})

it('a live event has the sequence and the time of the server, whatever its sender wrote', async () => {
  const { admin, m1 } = accounts.actors
  const heard = createSeen<Msg>()
  const subscription = admin.nc.subscribe('reactor.live.m1.forged', { callback: (_, message) => heard.push(message) })
  await admin.nc.flush()
  const before = Date.now() - 60_000
  const seq = await store(
    m1.nc,
    'reactor.event.m1.forged',
    'NATS/1.0\r\nNats-Sequence: 1\r\nNats-Time-Stamp: 1990-01-01T00:00:00Z\r\n\r\n',
  )
  const raw = rawFromLive(await heard.find(() => true, 'the event'))
  expect(raw.seq).toBe(seq)
  expect(raw.storedMs).toBeGreaterThan(before)
  subscription.unsubscribe()
})

it('a minion that answers a job with malformed headers is refused, and the sender hears the others after it', async () => {
  const { core, m1, m2 } = accounts.actors
  for (const { nc, answer, headers } of [
    { nc: m1.nc, answer: '', headers: MALFORMED },
    { nc: m2.nc, answer: '{"accepted": true}', headers: 'NATS/1.0\r\n\r\n' },
  ]) {
    const id = nc === m1.nc ? 'm1' : 'm2'
    nc.subscribe(subjects.job(id), {
      callback: (_, message) => void message.respond(answer, { headers: block(headers) }),
    })
    await nc.flush()
  }
  const sender = createJobSender(core.nc, subjects, silentLog)
  const job = { jid: '20261121093000123456', fun: 'test.ping' } as JobMessage
  expect(await sender.send(job, ['m1'])).toMatchObject({
    unanswered: [],
    refused: { m1: expect.stringMatching(/no {accepted/) },
  })
  expect(await sender.send(job, ['m2'])).toEqual({ offline: [], unanswered: [], refused: {}, waiting: [] })
  await sender.stop()
})
