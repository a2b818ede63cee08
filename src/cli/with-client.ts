// A connection for one command: opened before it, closed behind it, whatever comes of it.
import { type Client, type ClientOptions, openClient } from './client.ts'

export async function withClient(options: ClientOptions, act: (client: Client) => Promise<unknown>): Promise<void> {
  const client = await openClient(options)
  try {
    await act(client)
  } finally {
    await client.close()
  }
}
