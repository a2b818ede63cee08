// Where a client's files come from: the master over NATS.
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { requestBytes, requestJson } from '../bus/request.ts'
import type { FileHash } from '../functions/minion-data.ts'
import { readFilePath } from './path.ts'
import { CHUNK_BYTES, type FileRequest, type ListPage, type ReadRequest } from './protocol.ts'

export interface FileSource {
  /** Bytes that one `read` gives at most. */
  chunkBytes(): number
  envs(): Promise<string[]>
  list(kind: 'list' | 'dirs', saltenv: string, prefix: string): Promise<string[]>
  hash(path: string, saltenv: string): Promise<FileHash | undefined>
  /** Undefined: the file has this hash no more. */
  read(request: ReadRequest): Promise<Uint8Array | undefined>
}

const fileHash = z
  .object({
    hash_type: z.literal('sha256'),
    hsum: z.string().regex(/^[0-9a-f]{64}$/),
    size: z.number().int().min(0),
    mode: z.number().int().min(0).max(0o7777),
  })
  .nullable()

/** A large file is read as a whole for its hash. */
const TIMEOUT_MS = 60_000
const READ_TIMEOUT_MS = 10_000
/** Pages have half a message each. */
const MOST_PAGES = 256
/** How long nobody may answer: a master that is started anew is waited for. */
const PATIENCE_MS = 60_000
const WAIT_MS = 250

export interface SourceParts {
  nc: NatsConnection
  /** `subjects.ofMinion('file', id)`, or `subjects.files` of job workers. */
  subject: string
  /** Milliseconds for which nobody may answer before it is given up. */
  patienceMs?: number
}

/** Throws the master's refusals, `unreachable` where no master answers, `timeout`. */
export function createMasterSource({ nc, subject, patienceMs = PATIENCE_MS }: SourceParts): FileSource {
  const what = 'files of the master'
  const ask = <T>(request: FileRequest): Promise<T> =>
    requestJson<T>(nc, subject, request, { timeoutMs: TIMEOUT_MS, what })

  /** The last time that nobody answered, from the first request of it on: a hundred files wait for a master once. */
  let silence: { since: number; until: number } | undefined
  /** State runs and transfers in hand outlive the master that they began with. */
  const patiently = async <T>(request: () => Promise<T>): Promise<T> => {
    for (;;) {
      const asked = performance.now()
      try {
        const answer = await request()
        silence = undefined
        return answer
      } catch (error) {
        const away = error instanceof ReactorError && (error.code === 'unreachable' || error.code === 'timeout')
        if (!away) throw error
        const goesOn = silence !== undefined && asked - silence.until <= patienceMs
        silence = { since: goesOn ? silence!.since : asked, until: performance.now() }
        if (nc.isClosed() || nc.isDraining() || silence.until - silence.since >= patienceMs) throw error
        await delay(WAIT_MS)
      }
    }
  }

  return {
    chunkBytes: () => Math.min(CHUNK_BYTES, maxPayload(nc)),
    envs: () => ask<string[]>({ op: 'envs' }),
    async list(op, saltenv, prefix) {
      const all: string[] = []
      for (let page = 0; page < MOST_PAGES; page++) {
        const after = all.at(-1)
        const { paths, more } = await ask<ListPage>({ op, saltenv, prefix, ...(after === undefined ? {} : { after }) })
        // Whoever uses them may put them behind a folder of this machine.
        for (const path of paths) all.push(readFilePath(path))
        if (!more) return all
      }
      throw new ReactorError('function_failed', `file_roots has too many files in '${saltenv}': list one folder of it`)
    },
    async hash(path, saltenv) {
      const answer = fileHash.safeParse(await patiently(() => ask({ op: 'hash', path, saltenv })))
      if (answer.success) return answer.data ?? undefined
      throw new ReactorError(
        'function_failed',
        `the master gave no hash of ${path}: ${answer.error.issues[0]?.message}`,
      )
    },
    async read(request) {
      const asked: FileRequest = { op: 'read', ...request }
      const bytes = await patiently(() => requestBytes(nc, subject, asked, { timeoutMs: READ_TIMEOUT_MS, what }))
      return bytes.length === 0 ? undefined : bytes
    },
  }
}
