// Reading a stream with a durable consumer by callback, which is twice as fast as the iterator, for as long as the
// process lives: through reconnects, and through a consumer or stream that was deleted and made again.
import { type ConsumerMessages, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { WantedConsumer } from '../protocol/streams.ts'
import { isOwn } from './own-consumer.ts'
import { provisionConsumer } from './provision.ts'

export interface ConsumeOptions {
  stream: string
  consumer: WantedConsumer
  /** Messages asked for ahead. */
  ahead?: number
  log: Log
  /** Runs on the connection's own turn: it must not throw, and acks when the work is safe. */
  onMessage(message: JsMsg): void
  /**
   * For a consumer that is there already, and one's own by its metadata: where it is gone, or another's, it is not made anew.
   * Nothing is consumed any more when this is called.
   */
  onLost?(): void
}

/**
 * After the death of a cluster's node the client looks at the consumer once, and comes again only after this time; half of
 * it, twice, is how long silence takes to be noticed. By default that is half a minute.
 */
const PULL_MS = 4000

/** Starts consuming; `stop` takes no more messages. Throws `not_found` where `onLost` is given and it is lost already. */
export async function consumeDurable(nc: NatsConnection, options: ConsumeOptions): Promise<Running> {
  const { stream, consumer, log } = options
  let stopped = false
  const first = await open()
  if (!first)
    throw new ReactorError('not_found', `consumer ${consumer.durable_name} on ${stream} is gone, or another's by now`)
  let messages = first

  async function open(): Promise<ConsumerMessages | undefined> {
    if (!options.onLost) await provisionConsumer(nc, stream, consumer)
    else if (!(await isOwn(await jetstreamManager(nc, { checkAPI: false }), stream, consumer))) return undefined
    const bound = await jetstream(nc, { timeout: 5000 }).consumers.get(stream, consumer.durable_name)
    return bound.consume({
      max_messages: options.ahead ?? 2000,
      expires: PULL_MS,
      abort_on_missing_resource: true,
      callback: options.onMessage,
    })
  }

  const keepOpen = async () => {
    while (!stopped) {
      const reason = await messages.closed()
      if (stopped || nc.isClosed()) return
      log.warn(
        { consumer: consumer.durable_name, reason: reason ? errorMessage(reason) : 'closed' },
        'consumer ended; opening it again',
      )
      await reopen()
    }
  }
  const reopen = async () => {
    for (let wait = 100; !stopped && !nc.isClosed(); wait = Math.min(wait * 2, 5000)) {
      try {
        const opened = await open()
        if (opened) messages = opened
        if (opened && stopped) opened.stop()
        if (opened || stopped) return
        stopped = true
        options.onLost?.()
      } catch (error) {
        log.warn({ consumer: consumer.durable_name, error: errorMessage(error) }, 'consumer cannot be opened yet')
        await new Promise(resolve => setTimeout(resolve, wait).unref())
      }
    }
  }
  void keepOpen()

  return {
    async stop() {
      if (stopped) return
      stopped = true
      messages.stop()
    },
  }
}
