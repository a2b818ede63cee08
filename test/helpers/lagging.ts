// A connection whose reads of a stream are answered as by a node of a cluster to which nothing of it has come yet.
import type { NatsConnection } from '@nats-io/transport-node'

type Send = (subject: string, ...rest: unknown[]) => unknown

/** `behind`: an empty stream, which answers in its place; `reads`: how often. What is asked of its leader is answered as ever. */
export function lagging(
  nc: NatsConnection,
  stream: string,
  behind: string,
  reads = Number.POSITIVE_INFINITY,
): NatsConnection {
  const direct = `$JS.API.DIRECT.GET.${stream}`
  let left = reads
  const redirected = (subject: string): string => {
    if (subject !== direct && !subject.startsWith(`${direct}.`)) return subject
    return left-- > 0 ? `$JS.API.DIRECT.GET.${behind}${subject.slice(direct.length)}` : subject
  }
  return new Proxy(nc, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name !== 'publish' && name !== 'request') return value.bind(target)
      return (subject: string, ...rest: unknown[]) => (value as Send).call(target, redirected(subject), ...rest)
    },
  })
}
