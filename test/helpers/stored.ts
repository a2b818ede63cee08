// What is kept, all of it, for tests of what must be nowhere.
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

/** Everything that the server keeps of a namespace, and the files below a folder, as one text. */
export async function allStored(servers: string, namespace: string, dir: string): Promise<string> {
  const nc = await connect({ servers })
  const jsm = await jetstreamManager(nc)
  const texts: string[] = []
  for await (const { config, state } of jsm.streams.list()) {
    if (!config.name.includes(namespace)) continue
    for (let seq = state.first_seq; seq > 0 && seq <= state.last_seq; seq++) {
      const message = await jsm.streams.getMessage(config.name, { seq }).catch(() => null)
      if (message) texts.push(message.subject, message.string())
    }
  }
  await nc.close()
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) texts.push(readFileSync(join(entry.parentPath, entry.name), 'latin1'))
  return texts.join('\n')
}
