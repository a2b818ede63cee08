// The subjects of JetStream's API behind one right on one stream, as the NATS client uses them. Whoever is not given a
// subject here cannot so much as ask for it: no service may delete a stream.

/** Looks at its settings, and makes it where it is missing: start order does not matter. */
export const present = (stream: string): string[] => [api('STREAM.INFO', stream), api('STREAM.CREATE', stream)]

/** Gives it the settings of this version. */
export const migrated = (stream: string): string[] => [...present(stream), api('STREAM.UPDATE', stream)]

/** Reads single messages and batches. */
export const got = (stream: string): string[] => [
  api('STREAM.MSG.GET', stream),
  api('DIRECT.GET', stream),
  api('DIRECT.GET', `${stream}.>`),
]

/** Removes messages of it. */
export const purged = (stream: string): string[] => [api('STREAM.PURGE', stream)]

/** Reads all of it with passing consumers, as a watch of a bucket does. */
export const followed = (stream: string): string[] => [
  ...['CREATE', 'INFO', 'DELETE', 'MSG.NEXT'].map(verb => api(`CONSUMER.${verb}`, `${stream}.>`)),
  ...bothForms('FC', stream),
]

/** Takes its messages from one durable consumer, which it makes, and acks them. */
export const consumed = (stream: string, consumer: string): string[] => [
  api('CONSUMER.CREATE', `${stream}.${consumer}`),
  // With the consumer's filter behind its name.
  api('CONSUMER.CREATE', `${stream}.${consumer}.>`),
  api('CONSUMER.INFO', `${stream}.${consumer}`),
  api('CONSUMER.MSG.NEXT', `${stream}.${consumer}`),
  ...bothForms('ACK', `${stream}.${consumer}`),
]

/** Reads it by passing consumers of these names. */
export const readBy = (stream: string, consumers: readonly string[]): string[] =>
  consumers.flatMap(name =>
    ['CREATE', 'INFO', 'DELETE', 'MSG.NEXT'].map(verb => api(`CONSUMER.${verb}`, `${stream}.${name}`)),
  )

/** Takes its messages from durable consumers of these names, which it makes and removes. */
export const returnedBy = (stream: string, consumers: readonly string[]): string[] =>
  consumers.flatMap(name => [
    ...consumed(stream, name),
    // As the client makes one with several filters.
    api('CONSUMER.DURABLE.CREATE', `${stream}.${name}`),
    api('CONSUMER.DELETE', `${stream}.${name}`),
  ])

/** Makes durable consumers of any name on it, sees which there are, takes its messages from them, and acks. */
export const worked = (stream: string): string[] => [
  ...['CREATE', 'INFO', 'MSG.NEXT'].map(verb => api(`CONSUMER.${verb}`, `${stream}.>`)),
  api('CONSUMER.LIST', stream),
  ...bothForms('ACK', stream),
]

/** What only the owner of these durable consumers does with them. */
export const owned = (stream: string, consumers: readonly string[]): string[] =>
  consumers.flatMap(name => [
    api('CONSUMER.CREATE', `${stream}.${name}`),
    api('CONSUMER.CREATE', `${stream}.${name}.>`),
    ...['DELETE', 'MSG.NEXT'].map(verb => api(`CONSUMER.${verb}`, `${stream}.${name}`)),
  ])

/** Sees how far a durable consumer of another is. */
export const lookedAt = (stream: string, consumer: string): string[] => [api('CONSUMER.INFO', `${stream}.${consumer}`)]

/** Of a key-value bucket and of an object store: the stream behind it, and the subjects that are written. */
export const kv = (bucket: string) => ({ stream: `KV_${bucket}`, written: [`$KV.${bucket}.>`] })
export const objects = (bucket: string) => ({ stream: `OBJ_${bucket}`, written: [`$O.${bucket}.>`] })

const api = (verb: string, rest: string): string => `$JS.API.${verb}.${rest}`

/** From server 2.16 on the domain and the account stand before the stream. */
const bothForms = (kind: 'ACK' | 'FC', rest: string): string[] => [`$JS.${kind}.${rest}.>`, `$JS.${kind}.*.*.${rest}.>`]
