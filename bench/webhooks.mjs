// Webhooks stored through a real gateway by one client with so many requests in flight, beside the same bodies published to the
// same stream by `js.publish`, as many in flight. The client is bare sockets, one a request in flight: it is not what is measured.
// Where there are fewer cores than processes the rates say more of the machine than of the gateway: here its half has three (client,
// gateway, server) where the raw half has two. So what each spends on an event is measured too, as CPU time of the process that
// publishes it; the client's is left out of one half as it is of the other.
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { newEventId } from '../dist/protocol/event.js'
import { compare, median, row } from './measure.mjs'
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
  const gateway = await startProcess(stage, NAMESPACE, ['gateway', '--port', '0', '--metrics-port', '0'], { gateway: { address_rate: 0, hooks } })
  const { hostname, port } = new URL(gateway.facts.webhooks)
  const senders = await Promise.all(Array.from({ length: IN_FLIGHT }, () => openSender(hostname, Number(port))))
  const js = jetstream(bus.nc)
  let n = 0

  /** What is sent is made before the clock runs. */
  const perSecond = async (one, make = body => body) => {
    const bodies = Array.from({ length: total }, () => make(JSON.stringify(eventData(n++))))
    const before = await stored(bus)
    let next = 0
    const lane = async (_, index) => {
      while (next < total) await one(bodies[next++], index)
    }
    const began = performance.now()
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
    const seconds = (performance.now() - began) / 1000
    const added = (await stored(bus)) - before
    if (added !== total) throw new Error(`${added} of ${total} events are in the stream`)
    return total / seconds
  }
  const request = (path, headerOf) => body =>
    `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n${headerOf(body)}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  const post = (text, lane) => senders[lane].send(text)
  const signed = body => `x-hub-signature-256: sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}\r\n`
  const raw = () => perSecond(body => js.publish(`${NAMESPACE}.event._gateway.bench`, body, { msgID: newEventId() }))

  /** Microseconds of CPU for an event, beside the rate of a loop. */
  const spent = { raw: [], real: [] }
  const measured = async (half, cpuMs, loop) => {
    const before = await cpuMs()
    const rate = await loop()
    spent[half].push((((await cpuMs()) - before) * 1000) / total)
    return rate
  }
  const own = async () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  const rows = async (name, make) => {
    spent.raw = []
    spent.real = []
    const rates = await compare({
      name: `${name}, ${IN_FLIGHT} in flight`,
      ...{ unit: '/s', aim: { atLeast: 0.5 }, runs },
      raw: () => measured('raw', own, raw),
      real: () => measured('real', () => cpuOf(gateway.facts.metrics), () => perSecond(post, make)),
    })
    return [rates, row({ name: `${name}: CPU of one event`, unit: 'µs', real: median(spent.real), raw: median(spent.raw) })]
  }

  try {
    return [
      ...(await rows('without proof', request('/hook/open', () => ''))),
      ...(await rows('signed as GitHub does', request('/hook/signed', signed))),
    ]
  } finally {
    for (const sender of senders) sender.close()
    await gateway.stop()
    await bus.remove()
  }
}

/** Milliseconds of CPU that a process has used, by its metrics. */
async function cpuOf(url) {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)[1]) * 1000
}

async function stored({ nc }) {
  const { state } = await (await jetstreamManager(nc, { checkAPI: false })).streams.info(`${NAMESPACE}_EVENTS`)
  return state.messages
}

/** One connection that waits for each answer before it sends again. */
async function openSender(host, port) {
  const socket = connect({ host, port, noDelay: true })
  await once(socket, 'connect')
  let settle
  socket.on('data', data => {
    // An answer is short and comes in one piece.
    const status = data.toString('latin1', 9, 12)
    if (status === '202') settle.resolve()
    else settle.reject(new Error(`the gateway answered ${status}`))
  })
  return {
    send: text =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject }
        socket.write(text)
      }),
    close: () => socket.destroy(),
  }
}
