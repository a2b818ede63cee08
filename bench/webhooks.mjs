// Webhooks stored through a real gateway by one client with so many requests in flight, beside the same bodies published to the
// same stream by `js.publish`, as many in flight.
import { createHmac } from 'node:crypto'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Pool } from 'undici'
import { newEventId } from '../dist/protocol/event.js'
import { compare } from './measure.mjs'
import { eventData, openBus, startProcess } from './stage.mjs'

export const title = 'webhooks stored through the gateway (raw: the same events by js.publish, as many in flight)'

const NAMESPACE = 'webhooks'
const IN_FLIGHT = 64
const SECRET = 'bench-secret'

export async function run(stage, { runs, count }) {
  const total = Math.ceil(count / 6)
  const bus = await openBus(stage.url, NAMESPACE)
  process.env.BENCH_WEBHOOK_SECRET = SECRET
  const secrets = [{ env: 'BENCH_WEBHOOK_SECRET' }]
  const hooks = {
    '/hook/open': { auth: 'none', rate: 0 },
    '/hook/signed': { auth: { type: 'github', secrets }, rate: 0 },
  }
  const gateway = await startProcess(stage, NAMESPACE, ['gateway', '--port', '0'], { gateway: { address_rate: 0, hooks } })
  const pool = new Pool(gateway.facts.webhooks, { connections: IN_FLIGHT })
  const js = jetstream(bus.nc)
  let n = 0

  const perSecond = async one => {
    const before = await stored(bus)
    let left = total
    const lane = async () => {
      while (left-- > 0) await one(JSON.stringify(eventData(n++)))
    }
    const began = performance.now()
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
    const seconds = (performance.now() - began) / 1000
    const added = (await stored(bus)) - before
    if (added !== total) throw new Error(`${added} of ${total} events are in the stream`)
    return total / seconds
  }
  const post = (path, headersOf) => async body => {
    const headers = { 'content-type': 'application/json', ...headersOf(body) }
    const response = await pool.request({ method: 'POST', path, headers, body })
    await response.body.dump()
    if (response.statusCode !== 202) throw new Error(`the gateway answered ${response.statusCode}`)
  }
  const signed = body => ({ 'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}` })
  const raw = () => perSecond(body => js.publish(`${NAMESPACE}.event._gateway.bench`, body, { msgID: newEventId() }))

  try {
    const row = (name, one) =>
      compare({ name, unit: '/s', aim: { atLeast: 0.5 }, runs, raw, real: () => perSecond(one) })
    return [
      await row(`without proof, ${IN_FLIGHT} in flight`, post('/hook/open', () => ({}))),
      await row(`signed as GitHub does, ${IN_FLIGHT} in flight`, post('/hook/signed', signed)),
    ]
  } finally {
    await pool.close()
    await gateway.stop()
    await bus.remove()
  }
}

async function stored({ nc }) {
  const { state } = await (await jetstreamManager(nc, { checkAPI: false })).streams.info(`${NAMESPACE}_EVENTS`)
  return state.messages
}
