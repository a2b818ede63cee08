// Minions in one process that fetch a file, each on a connection of its own: as minions do, or by raw requests for the same
// chunks with as many on their way. `fetch` resolves with the milliseconds until all have it. Also the raw side that answers.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { createFiles } from '../dist/files/client.js'
import { AHEAD } from '../dist/files/download.js'
import { CHUNK_BYTES } from '../dist/files/protocol.js'
import { createMasterSource } from '../dist/files/source.js'
import { createSubjects } from '../dist/protocol/subject.js'

const [role, url, namespace, dir, minions, bytes] = process.argv.slice(2)
const subjects = createSubjects(namespace)

async function answerRaw() {
  const nc = await connect({ servers: url })
  const chunk = randomBytes(CHUNK_BYTES)
  nc.subscribe(subjects.anyMinion('file'), {
    queue: 'raw',
    callback: (_error, message) => {
      const length = Number(message.string().split(' ')[1])
      message.respond(length === CHUNK_BYTES ? chunk : chunk.subarray(0, length))
    },
  })
  await nc.flush()
}

async function openMinion(n) {
  const nc = await connect({ servers: url })
  const subject = subjects.ofMinion('file', `bench${n}`)
  const files = createFiles({ source: createMasterSource({ nc, subject }), dir: join(dir, `bench${n}`) })
  return {
    clear: () => files.clear(),
    async real() {
      if ((await files.cache('big.bin', 'base')) === undefined) throw new Error('the master does not have big.bin')
    },
    async raw() {
      let next = 0
      const lane = async () => {
        while (next < Number(bytes)) {
          const offset = next
          const length = Math.min(CHUNK_BYTES, Number(bytes) - offset)
          next += length
          const { data } = await nc.request(subject, `${offset} ${length}`, { timeout: 60_000 })
          if (data.length !== length) throw new Error(`${data.length} bytes came for ${length}`)
        }
      }
      await Promise.all(Array.from({ length: AHEAD }, lane))
    },
  }
}

if (role === 'answer') await answerRaw()
else {
  const all = await Promise.all(Array.from({ length: Number(minions) }, (_, n) => openMinion(n)))
  process.on('message', async () => {
    for (const minion of all) await minion.clear()
    const started = performance.now()
    await Promise.all(all.map(minion => minion[role]()))
    process.send({ ms: performance.now() - started })
  })
}
process.send('ready')
