// The master's side of `<ns>.file.<minion>`: lists, hashes and chunks of the files of file_roots. The server lets nobody but the
// minion publish on its subject; job workers ask on a subject of their own.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Log } from '../base/log.ts'
import { createQueues } from '../base/queues.ts'
import type { Running } from '../base/service.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { parseJson } from '../bus/request.ts'
import { serve } from '../bus/serve.ts'
import type { Subjects } from '../protocol/subject.ts'
import { createHashes } from './hashes.ts'
import { createListings } from './listings.ts'
import { AT_ONCE, CHUNK_BYTES, type FileRequest, MOST_WAITING, readFileRequest } from './protocol.ts'
import { createReader } from './reader.ts'
import type { Roots } from './roots.ts'

export interface FileServiceParts {
  nc: NatsConnection
  subjects: Subjects
  roots: Roots
  log: Log
}

/** Masters share the requests: each has the same files. */
export async function serveFiles({ nc, subjects, roots, log }: FileServiceParts): Promise<Running> {
  const hashes = createHashes()
  const reader = createReader(roots, hashes)
  const listings = createListings(roots)
  const queues = createQueues({ atOnce: AT_ONCE, mostWaiting: MOST_WAITING, what: 'requests for files of this minion' })

  const hash = async (path: string, saltenv: string) => {
    const found = await roots.open(path, saltenv)
    if (!found) return null
    try {
      const { stamp: _stamp, ...hashed } = await hashes.of(found.file, path)
      return hashed
    } finally {
      await found.file.close()
    }
  }
  const answer = async (request: FileRequest): Promise<unknown> => {
    switch (request.op) {
      case 'envs':
        return roots.envs()
      case 'list':
      case 'dirs':
        return listings.page(request, maxPayload(nc) / 2)
      case 'hash':
        return hash(request.path, request.saltenv)
      case 'read': {
        const length = Math.min(request.length, CHUNK_BYTES, maxPayload(nc))
        return (await reader.read({ ...request, length })) ?? new Uint8Array()
      }
    }
  }

  const service = await serve(nc, {
    name: `${subjects.ns}-file`,
    description: 'files of file_roots',
    queue: `${subjects.ns}-file`,
    endpoints: [
      {
        name: 'file',
        subject: subjects.anyMinion('file'),
        handle: message => queues.add(message.subject, () => answer(readFileRequest(parseJson(message.string())))),
      },
    ],
    log,
  })
  return {
    async stop() {
      await service.stop()
      await reader.close()
    },
  }
}
