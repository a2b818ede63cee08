// The way to the system, and its job cache, for one command.
import { cleanText } from '../../base/clean.ts'
import { createJobCache, type JobCache } from '../../cache/client.ts'
import { readJid } from '../../protocol/jid.ts'
import { type Client, type ClientOptions, openClient } from '../client.ts'

/** Opens the way to the system for a command; a jid is looked at before. */
export async function withCache(
  options: ClientOptions,
  act: (client: Client, cache: JobCache) => Promise<unknown>,
  jid?: string,
): Promise<void> {
  if (jid !== undefined) readJid(jid, 'usage')
  const client = await openClient(options)
  try {
    await act(client, createJobCache(client.bus.nc, client.bus.subjects, tellIncomplete))
  } finally {
    await client.close()
  }
}

const tellIncomplete = (reason: string) => void process.stderr.write(`incomplete: ${cleanText(reason)}\n`)
