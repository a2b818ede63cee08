// The way to the master's keys for one command.
import { type Client, type ClientOptions, openClient } from '../client.ts'

/** How long the master may take for what it does in memory and with one bucket. */
export const KEY_TIMEOUT_MS = 15_000

export async function withClient(options: ClientOptions, act: (client: Client) => Promise<unknown>): Promise<void> {
  const client = await openClient(options)
  try {
    await act(client)
  } finally {
    await client.close()
  }
}
