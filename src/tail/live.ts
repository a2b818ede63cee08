// Subscribing to live events: to all of them, or, for who may not read all, to those that are wanted.
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'

interface LiveParts {
  nc: NatsConnection
  /** `<ns>.live.` */
  prefix: string
  /** Patterns below the origin that hold all that is wanted; undefined: nothing less than all will do. */
  narrow: readonly string[] | undefined
  signal: AbortSignal
  receive(message: Msg): void
  /** The server has refused what it let through before: roles may change while the link is away. */
  onRefused(error: ReactorError): void
}

/** Resolves once they are subscribed to: whether only some of all come. Throws `forbidden`. */
export async function followLive({ nc, prefix, narrow, ...parts }: LiveParts): Promise<{ partial: boolean }> {
  if (await subscribe(nc, [`${prefix}>`], ALL, parts)) return { partial: false }
  if (narrow === undefined) throw notReadable(ALL)
  const patterns = narrow.map(pattern => `${prefix}*.${pattern}`)
  if (await subscribe(nc, patterns, SOME, parts)) return { partial: true }
  throw notReadable(SOME)
}

/** False where the server refuses one of them. */
async function subscribe(
  nc: NatsConnection,
  patterns: readonly string[],
  problem: string,
  { signal, receive, onRefused }: Pick<LiveParts, 'signal' | 'receive' | 'onRefused'>,
): Promise<boolean> {
  let [opened, refused] = [false, false]
  const subscriptions = patterns.map(pattern =>
    nc.subscribe(pattern, {
      callback: (error, message) => {
        if (signal.aborted) return
        if (!error) return receive(message)
        refused = true
        if (opened) onRefused(notReadable(problem))
      },
    }),
  )
  const close = () => {
    for (const subscription of subscriptions) if (!subscription.isClosed()) subscription.unsubscribe()
  }
  signal.addEventListener('abort', close)
  await nc.flush()
  opened = !refused
  if (refused) close()
  return opened
}

const ALL =
  "your roles do not let you read every event; name tags that you may read, as globs of whole segments such as 'myapp/**' ('@events' of a role)"
const SOME =
  "your roles do not let you read all events with these tags ('@events' of a role names the tags that may be read)"

const notReadable = (problem: string): ReactorError =>
  new ReactorError('forbidden', `events cannot be followed: ${problem}`)
