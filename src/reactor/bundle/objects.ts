// The object store `bundles`: rule sets under the hash of their content, and parts of a push that is larger than a message
// until it is whole. Objects are read message by message: the client's own reading waits for ever where one is gone.
import { createHash } from 'node:crypto'
import { jetstreamManager } from '@nats-io/jetstream'
import { type ObjectInfo, type ObjectStore, Objm } from '@nats-io/obj'
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../../base/errors.ts'
import { nextOn } from '../../bus/next-on.ts'
import { isNoMessage } from '../../bus/no-message.ts'
import { bucketNames } from '../../protocol/streams.ts'
import type { RuleDocument } from '../rules/schema.ts'

export interface BundleObjects {
  /** Throws `internal` where it is not there whole. */
  load(hash: string): Promise<RuleDocument[]>
  /** What is there stays: writing it again would take its chunks from under a reader. */
  store(hash: string, text: string): Promise<void>
  putPart(upload: string, index: number, text: string): Promise<void>
  /** All parts in order, joined. Throws `bad_argument` naming the first that is missing. */
  joinParts(upload: string, count: number): Promise<string>
  /** Those of that upload, and of others that nobody has ended within an hour. */
  dropParts(upload: string): Promise<void>
}

const PART = 'push'
const ABANDONED_MS = 3_600_000

export async function openBundleObjects(nc: NatsConnection, ns: string, replicas: number): Promise<BundleObjects> {
  const bucket = bucketNames(ns).bundles
  const stream = `OBJ_${bucket}`
  const objects: ObjectStore = await new Objm(nc).create(bucket, { replicas })
  const jsm = await jetstreamManager(nc, { checkAPI: false })

  const infoOf = async (name: string): Promise<ObjectInfo | undefined> => {
    const info = await objects.info(name).catch(noMessage)
    return info && !info.deleted ? info : undefined
  }
  /** Undefined: it is not there, or not whole. */
  const read = async (name: string): Promise<Buffer | undefined> => {
    const info = await infoOf(name)
    if (!info) return undefined
    const subject = `$O.${bucket}.C.${info.nuid}`
    const chunks: Uint8Array[] = []
    for (let seq = 1; chunks.length < info.chunks; ) {
      const message = await nextOn(jsm, stream, { seq }, subject)
      if (!message) return undefined
      chunks.push(message.data)
      seq = message.seq + 1
    }
    const bytes = Buffer.concat(chunks)
    return info.digest === digestOf(bytes) ? bytes : undefined
  }
  const put = (name: string, text: string) => objects.putBlob({ name }, Buffer.from(text))

  return {
    async load(hash) {
      const bytes = await read(hash)
      if (!bytes) throw new ReactorError('internal', `bundle ${hash} is active and not in the store`)
      return JSON.parse(bytes.toString('utf8')) as RuleDocument[]
    },
    async store(hash, text) {
      if (!(await infoOf(hash))) await put(hash, text)
    },
    putPart: async (upload, index, text) => void (await put(partName(upload, index), text)),
    async joinParts(upload, count) {
      const parts: string[] = []
      for (let index = 0; index < count; index++) {
        const bytes = await read(partName(upload, index))
        if (!bytes) throw new ReactorError('bad_argument', `part ${index} of push '${upload}' has not come: push again`)
        parts.push(bytes.toString('utf8'))
      }
      return parts.join('')
    },
    async dropParts(upload) {
      const old = Date.now() - ABANDONED_MS
      for (const { name, mtime, deleted } of await objects.list()) {
        if (deleted || !name.startsWith(`${PART}/`)) continue
        if (name.startsWith(`${PART}/${upload}/`) || Date.parse(mtime) < old) await objects.delete(name)
      }
    },
  }
}

const partName = (upload: string, index: number): string => `${PART}/${upload}/${index}`

/** As the client writes it. */
const digestOf = (bytes: Uint8Array): string => {
  const hash = createHash('sha256').update(bytes).digest('base64')
  return `SHA-256=${hash.replaceAll('+', '-').replaceAll('/', '_')}`
}

function noMessage(error: unknown): null {
  if (isNoMessage(error)) return null
  throw error
}
