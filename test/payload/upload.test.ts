import { createHash } from 'node:crypto'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { expect, it } from 'vitest'
import { createPayloadSender } from '../../src/payload/upload.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { useConnection } from '../helpers/connected.ts'
import { within } from '../helpers/wait.ts'

const JID = '20261120091820000000'
const connection = useConnection()
let minions = 0

function sender(options: { patienceMs?: number; connected?: () => boolean; nc?: NatsConnection } = {}) {
  const subjects = createSubjects(`payload${minions++}`)
  const send = createPayloadSender({
    nc: connection.nc,
    subjects,
    id: 'web.1',
    connected: () => true,
    patienceMs: 400,
    ...options,
  })
  const parts: { header: string | undefined; body: Buffer }[] = []
  const serve = (answer: (count: number) => unknown) =>
    connection.nc.subscribe(subjects.anyMinion('payload'), {
      callback: (_error, message) => {
        expect(subjects.minionIn(message.subject)).toBe('web.1')
        parts.push({ header: message.headers?.get('Reactor-Payload'), body: Buffer.from(message.data) })
        message.respond(JSON.stringify(answer(parts.length)))
      },
    })
  return { send, serve, parts }
}

it('a text goes up in parts, in order, and its parts are the text', async () => {
  const { send, serve, parts } = sender()
  serve(() => ({ ok: true }))
  // Characters of several bytes, so that some part ends within one.
  const text = JSON.stringify('é😀x'.repeat(400_000))
  const size = Buffer.byteLength(text)
  const sha256 = createHash('sha256').update(text).digest('hex')
  expect(await send(JID, text)).toEqual({ ok: true, payload: { name: JID, parts: 3, size, sha256 } })
  expect(parts.map(({ header }) => header)).toEqual([`${JID}/0`, `${JID}/1`, `${JID}/2`])
  expect(Buffer.concat(parts.map(({ body }) => body)).toString() === text).toBe(true)
})

it('a refusal ends it and says why', async () => {
  const { send, serve, parts } = sender()
  serve(count => (count === 2 ? { ok: false, reason: 'the store is full' } : { ok: true }))
  expect(await send(JID, 'x'.repeat(3_000_000))).toEqual({ ok: false, reason: 'the store is full' })
  expect(parts).toHaveLength(2)
})

it('it is given up where nobody takes it', async () => {
  expect(await sender().send(JID, 'x')).toEqual({ ok: false, reason: expect.stringContaining('nobody takes payloads') })
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

it('it ends with the connection', async () => {
  const own = await connect({ servers: connection.server.url })
  const { send } = sender({ nc: own, patienceMs: 60_000 })
  const sent = send(JID, 'x')
  await own.close()
  expect(await within(sent, 'the end')).toMatchObject({ ok: false })
})
