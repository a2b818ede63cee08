// A server with the streams and the history service, and a tail on it, as the tests of the tail need them.
import { silentLog } from '../../src/base/log.ts'
import { createStack } from '../../src/base/service.ts'
import { connectBus } from '../../src/bus/connect.ts'
import { createFire } from '../../src/bus/fire.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { parseJson } from '../../src/bus/request.ts'
import { serve } from '../../src/bus/serve.ts'
import { openHistory } from '../../src/cache/history.ts'
import { type Origin, userOrigin } from '../../src/protocol/origin.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { startTail, type TailOptions } from '../../src/tail/run.ts'
import { createSeen } from '../helpers/wait.ts'

const connect = (url: string, patient = true) =>
  connectBus({ servers: url, namespace: 'reactor', name: 'test', patient, log: silentLog })

/** The side of the services: streams, a way to fire, and history unless it is switched off. */
export async function startServices(url: string, options: { history?: boolean } = {}) {
  const stack = createStack()
  const bus = await connect(url)
  stack.defer(() => bus.close())
  await provisionStreams(bus.nc, 'reactor', DEFAULT_LIMITS)
  const publisher = createPublisher(bus.nc)
  stack.defer(() => publisher.stop())
  if (options.history !== false) {
    const history = await openHistory(bus.nc, bus.subjects)
    const handle = (request: { string(): string }) => history(parseJson(request.string() || '{}'))
    const endpoints = [{ name: 'events', subject: bus.subjects.historyEvents, handle }]
    stack.add(await serve(bus.nc, { name: 'h', description: 'd', queue: 'h', log: silentLog, endpoints }))
  }
  return {
    bus,
    publisher,
    fire: createFire(publisher, bus.subjects, userOrigin('ada')),
    fireAs: (origin: Origin) => createFire(publisher, bus.subjects, origin),
    /** What a worker of the program would store: a reaction, a ledger entry, a parked one. */
    store: (subject: string, body: unknown) => publisher.publish(subject, JSON.stringify(body)),
    stop: () => stack.stop(),
  }
}

/** A tail whose output is collected, line by line. */
export async function tailOn(url: string, options: TailOptions) {
  const bus = await connect(url, false)
  const lines = createSeen<string>()
  const notices = createSeen<string>()
  const write = (text: string) => {
    for (const line of text.split('\n')) lines.push(line)
  }
  try {
    const tail = await startTail({ client: { bus }, options, write, notice: line => notices.push(line) })
    return {
      lines,
      notices,
      done: tail.done,
      async stop() {
        await tail.stop()
        await bus.nc.close()
      },
    }
  } catch (error) {
    await bus.nc.close()
    throw error
  }
}
