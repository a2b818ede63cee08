// The object store of what is larger than a message: each part an object `<name>/<part>`. It keeps parts for as long as
// jobs are kept, within a bound of bytes: when it is full, the oldest payloads of those who have most in it give way, whole,
// so that no minion can push out what is others'.
import { createHash } from 'node:crypto'
import { jetstreamManager } from '@nats-io/jetstream'
import { type ObjectInfo, type ObjectStore, Objm } from '@nats-io/obj'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { isNoMessage } from '../bus/no-message.ts'
import { differs } from '../bus/provision.ts'
import { bucketNames } from '../protocol/streams.ts'

export interface PayloadStoreOptions {
  /** How long parts are kept, milliseconds. */
  keepMs: number
  maxBytes: number
  replicas: number
}

export interface PayloadStore {
  /** Bytes that a message of this server may have. */
  readonly maxPayload: number
  /**
   * Stores a part; the same part again changes nothing. Throws `store_refused` where it is too large or nothing is left to
   * give way, and `unreachable` where it may be taken later.
   */
  put(name: string, part: number, bytes: Uint8Array): Promise<void>
  /** Undefined: it is not there, or not any more. Throws `unreachable` where it cannot be read, `damaged_payload`. */
  get(name: string, part: number): Promise<Uint8Array | undefined>
  /** Its parts from 0 on, so many. */
  remove(name: string, parts: number): Promise<void>
}

/** When room is needed, at least this share of the bound is made. */
const STEP = 0.1
/** Who has more than this share of the bound gets room from its own payloads alone. */
const MOST_OF_ONE = 0.5
/** A part counts as so many bytes at least, and there may be as many of them as that leaves: all are listed to find the oldest. */
const LEAST_BYTES = 8192
const DEDUPE_NANOS = 120_000_000_000

export async function openPayloadStore(
  nc: NatsConnection,
  ns: string,
  options: PayloadStoreOptions,
): Promise<PayloadStore> {
  const bucket = bucketNames(ns).payloads
  const objects = await openObjects(nc, bucket, options)
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const stream = `OBJ_${bucket}`
  const largest = maxPayload(nc)

  /** By purging: a tombstone, as the client would leave one, is refused by a store that is full. */
  const drop = async ({ name, nuid }: ObjectInfo) => {
    const encoded = Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
    await jsm.streams.purge(stream, { filter: `$O.${bucket}.M.${encoded}` })
    await jsm.streams.purge(stream, { filter: `$O.${bucket}.C.${nuid}` })
  }

  /** Whether room was made. */
  const giveWay = async (bytes: number, keep: string): Promise<boolean> => {
    let goal = Math.max(counted(bytes), options.maxBytes * STEP)
    if (goal > options.maxBytes) return false
    const owners = byOwner(await objects.list())
    const own = owners.get(ownerOf(keep))
    while (goal > 0) {
      const most = [...owners.values()]
        .filter(({ payloads }) => payloads.some(({ name }) => name !== keep))
        .reduce<Held | undefined>((one, other) => (one && one.bytes >= other.bytes ? one : other), undefined)
      if (!most || (own && own !== most && own.bytes > options.maxBytes * MOST_OF_ONE)) return false
      const oldest = most.payloads.findIndex(({ name }) => name !== keep)
      const [payload] = most.payloads.splice(oldest, 1)
      for (const part of payload!.parts) await drop(part)
      most.bytes -= payload!.bytes
      goal -= payload!.bytes
    }
    return true
  }
  // One after another: several uploads into a full store need not each empty a part of it.
  let giving: Promise<unknown> = Promise.resolve()

  const store = async (name: string, part: number, bytes: Uint8Array): Promise<void> => {
    // One message a part.
    const put = () => objects.putBlob({ name: object(name, part), options: { max_chunk_size: largest } }, bytes)
    try {
      await put()
    } catch (error) {
      if (!isFull(error)) throw error
      const given = giving.then(() => giveWay(bytes.length, name))
      giving = given.catch(() => undefined)
      if (!(await given)) throw error
      await put().catch(problem => {
        throw isFull(problem)
          ? new Error('others were faster to take the room that was made', { cause: problem })
          : problem
      })
    }
  }

  return {
    maxPayload: largest,
    async put(name, part, bytes) {
      try {
        const there = await objects.info(object(name, part)).catch(noMessage)
        if (there?.digest !== digest(bytes)) await store(name, part, bytes)
      } catch (error) {
        const what = `part ${part} of payload '${name}' cannot be stored: ${errorMessage(error)}`
        if (!isFull(error)) throw new ReactorError('unreachable', what, {}, error)
        const full = `${what}, and nothing is left to give way (cache.max_payload_bytes: ${options.maxBytes})`
        throw new ReactorError('store_refused', full, {}, error)
      }
    },
    async get(name, part) {
      try {
        const info = await objects.info(object(name, part)).catch(noMessage)
        if (!info) return undefined
        // Not by the client's `get`: that makes a consumer for each object, and waits for ever where a chunk is gone.
        const chunk = { last_by_subj: `$O.${bucket}.C.${info.nuid}` }
        // Of the stream's leader: another node may have the object's name, and not this yet.
        const message = await jsm.streams.getMessage(stream, chunk)
        if (!message) return undefined
        if (digest(message.data) === info.digest) return message.data
      } catch (error) {
        const what = `part ${part} of payload '${name}' cannot be read: ${errorMessage(error)}`
        throw new ReactorError('unreachable', what, {}, error)
      }
      throw new ReactorError('damaged_payload', `part ${part} of payload '${name}' is damaged in the store`)
    },
    async remove(name, parts) {
      for (let part = 0; part < parts; part++) {
        const info = await objects.info(object(name, part)).catch(noMessage)
        if (info) await drop(info)
      }
    },
  }
}

const object = (name: string, part: number): string => `${name}/${part}`

/** As the client writes it. */
const digest = (bytes: Uint8Array): string => {
  const hash = createHash('sha256').update(bytes).digest('base64')
  return `SHA-256=${hash.replaceAll('+', '-').replaceAll('/', '_')}`
}

function noMessage(error: unknown): null {
  if (isNoMessage(error)) return null
  throw error
}

const isFull = (error: unknown): boolean =>
  /maximum (?:bytes|messages) exceeded|message size exceeds/i.test(errorMessage(error))

const counted = (bytes: number): number => Math.max(bytes, LEAST_BYTES)
const ownerOf = (name: string): string => name.slice(0, name.indexOf('.'))

interface Payload {
  name: string
  bytes: number
  parts: ObjectInfo[]
}
/** What one minion or service has in the store, the oldest first. */
interface Held {
  bytes: number
  payloads: Payload[]
}

function byOwner(parts: readonly ObjectInfo[]): Map<string, Held> {
  const payloads = new Map<string, Payload>()
  const owners = new Map<string, Held>()
  for (const part of [...parts].sort((a, b) => (a.mtime < b.mtime ? -1 : 1))) {
    const name = part.name.slice(0, part.name.lastIndexOf('/'))
    const owner = owners.get(ownerOf(name)) ?? { bytes: 0, payloads: [] }
    owners.set(ownerOf(name), owner)
    let payload = payloads.get(name)
    if (!payload) {
      payload = { name, bytes: 0, parts: [] }
      payloads.set(name, payload)
      owner.payloads.push(payload)
    }
    payload.parts.push(part)
    payload.bytes += counted(part.size)
    owner.bytes += counted(part.size)
  }
  return owners
}

/** JetStream's error of a stream that is there with other settings. */
const NAME_TAKEN = 10058

/** Opens the bucket, makes it where it is missing, and gives it the settings of now. */
async function openObjects(
  nc: NatsConnection,
  bucket: string,
  options: PayloadStoreOptions,
  again = true,
): Promise<ObjectStore> {
  const { keepMs, maxBytes, replicas } = options
  try {
    const objects = await new Objm(nc).create(bucket, { ttl: keepMs * 1_000_000, max_bytes: maxBytes, replicas })
    const { config } = (await objects.status()).streamInfo
    const max_age = keepMs * 1_000_000
    const wanted = {
      max_age,
      max_bytes: maxBytes,
      // A part is two messages: its bytes, and what it is.
      max_msgs: 2 * Math.ceil(maxBytes / LEAST_BYTES),
      num_replicas: replicas,
      // The server's default, which may not be longer than the age.
      duplicate_window: Math.min(DEDUPE_NANOS, max_age),
    }
    if (differs(wanted, config)) {
      const jsm = await jetstreamManager(nc, { checkAPI: false })
      await jsm.streams.update(config.name, { ...config, ...wanted })
    }
    return objects
  } catch (error) {
    // Another process has made it between our look and our try, and given it its settings already.
    if (again && (error as { code?: unknown }).code === NAME_TAKEN) return openObjects(nc, bucket, options, false)
    throw new ReactorError('bad_config', `bucket ${bucket} cannot be set up: ${errorMessage(error)}`, {}, error)
  }
}
