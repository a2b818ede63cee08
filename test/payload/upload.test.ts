import { createHash } from 'node:crypto'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { expect, it } from 'vitest'
import { createPayloadSender } from '../../src/payload/upload.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { useConnection } from '../helpers/connected.ts'
import { keptLog } from '../helpers/core.ts'
import { within } from '../helpers/wait.ts'

const JID = '20261120091820000000'
const connection = useConnection()
let minions = 0

function sender(
  options: { patienceMs?: number; givesUp?: boolean; connected?: () => boolean; nc?: NatsConnection } = {},
) {
  const subjects = createSubjects(`payload${minions++}`)
  const { log, lines } = keptLog()
  const send = createPayloadSender({
    nc: connection.nc,
    subjects,
    id: 'web.1',
    connected: () => true,
    patienceMs: 400,
    log,
    ...options,
  })
  const parts: { header: string | undefined; body: Buffer }[] = []
  const serve = (answer: (count: number, header: string) => unknown) =>
    connection.nc.subscribe(subjects.anyMinion('payload'), {
      callback: (_error, message) => {
        expect(subjects.minionIn(message.subject)).toBe('web.1')
        parts.push({ header: message.headers?.get('Reactor-Payload'), body: Buffer.from(message.data) })
        message.respond(JSON.stringify(answer(parts.length, parts.at(-1)?.header ?? '')))
      },
    })
  return { send, serve, parts, lines, headers: () => parts.map(({ header }) => header) }
}

it('a text goes up in parts, in order, and its parts are the text', async () => {
  const { send, serve, parts, headers } = sender()
  serve(() => ({ ok: true }))
  // Characters of several bytes, so that some part ends within one.
  const text = JSON.stringify('é😀x'.repeat(400_000))
  const size = Buffer.byteLength(text)
  const sha256 = createHash('sha256').update(text).digest('hex')
  expect(await send(JID, text)).toEqual({ ok: true, payload: { name: JID, parts: 3, size, sha256 } })
  expect(headers()).toEqual([`${JID}/0`, `${JID}/1`, `${JID}/2`])
  expect(Buffer.concat(parts.map(({ body }) => body)).toString() === text).toBe(true)
})

it('a refusal ends it and says why', async () => {
  const { send, serve, parts } = sender()
  serve(count => (count === 2 ? { ok: false, reason: 'the store is full' } : { ok: true }))
  expect(await send(JID, 'x'.repeat(3_000_000))).toEqual({ ok: false, reason: 'the store is full' })
  expect(parts).toHaveLength(2)
})

it('several go up one after another, whole', async () => {
  const { send, serve, headers } = sender()
  serve(() => ({ ok: true }))
  const sent = await Promise.all(['a', 'b', 'c'].map(name => send(name, 'x'.repeat(1_500_000))))
  expect(sent.every(({ ok }) => ok)).toBe(true)
  expect(headers()).toEqual(['a/0', 'a/1', 'b/0', 'b/1', 'c/0', 'c/1'])
})

it('what is refused for now goes up again until it is taken', async () => {
  const { send, serve, headers } = sender({ patienceMs: 60_000 })
  serve(count => (count < 3 ? { ok: false, reason: 'the store has no leader', again: true } : { ok: true }))
  expect(await within(send(JID, 'x'), 'the payload')).toMatchObject({ ok: true })
  expect(headers()).toEqual(Array(3).fill(`${JID}/0`))
})

it('an answer that cannot be read is no refusal', async () => {
  const { send, serve } = sender()
  serve(count => (count === 1 ? null : { ok: true }))
  expect(await within(send(JID, 'x'), 'the payload')).toMatchObject({ ok: true })
})

it('one that is not taken for long lets the others have their turn, and has another', async () => {
  const { send, serve, headers, lines } = sender({ patienceMs: 1 })
  serve((_count, header) =>
    header === 'stuck/0' && !headers().includes('next/0')
      ? { ok: false, reason: 'not now', again: true }
      : { ok: true },
  )
  const sent = await within(Promise.all([send('stuck', 'x'), send('next', 'x')]), 'the payloads')
  expect(sent.map(({ ok }) => ok)).toEqual([true, true])
  expect(headers()).toEqual(['stuck/0', 'next/0', 'stuck/0'])
  expect(lines.items).toEqual([
    expect.objectContaining({
      msg: 'a large return does not get to the store; trying again',
      name: 'stuck',
      reason: 'not now',
    }),
  ])
})

it('it is kept where nobody takes it for long', async () => {
  const { send, serve, lines } = sender({ patienceMs: 1 })
  const sent = send(JID, 'x')
  await lines.find(({ reason }) => String(reason).startsWith('nobody takes payloads'), 'the end of the first turn')
  serve(() => ({ ok: true }))
  expect(await within(sent, 'the payload')).toMatchObject({ ok: true })
})

it('it is given up where nobody takes it and the sender has but so much time', async () => {
  const nobody = { ok: false, reason: expect.stringContaining('nobody takes payloads') }
  expect(await sender({ givesUp: true }).send(JID, 'x')).toEqual(nobody)
})

it('it waits for who takes it', async () => {
  const { send, serve } = sender({ patienceMs: 10_000 })
  const sent = send(JID, 'x')
  await connection.nc.flush()
  serve(() => ({ ok: true }))
  expect(await within(sent, 'the payload')).toMatchObject({ ok: true })
})

it('while the link is down it is not given up', async () => {
  let tries = 0
  const { send, serve } = sender({
    patienceMs: 1,
    connected: () => {
      // Down for the first tries, then somebody is there.
      if (++tries === 3) serve(() => ({ ok: true }))
      return false
    },
  })
  expect(await within(send(JID, 'x'), 'the payload')).toMatchObject({ ok: true })
})

it('it ends with the connection, as do those that wait for their turn, and is not refused', async () => {
  const own = await connect({ servers: connection.server.url })
  const { send } = sender({ nc: own, patienceMs: 60_000 })
  const sent = Promise.allSettled([send(JID, 'x'), send('next', 'x')])
  await own.close()
  for (const one of await within(sent, 'the end'))
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'unreachable' } })
})
