// A bare server and one connection to it, for all tests of a file.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll } from 'vitest'
import { startTestServer, type TestServer } from './server.ts'

/** Call it at the top of the file; both are there once its tests run. */
export function useConnection(): { readonly server: TestServer; readonly nc: NatsConnection } {
  let server: TestServer | undefined
  let nc: NatsConnection | undefined
  beforeAll(async () => {
    server = await startTestServer()
    nc = await connect({ servers: server.url })
  })
  afterAll(async () => {
    await nc?.close()
    await server?.stop()
  })
  return {
    get server() {
      return server!
    },
    get nc() {
      return nc!
    },
  }
}
