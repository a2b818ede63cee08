// A gateway on a server of the test's own, and what tests send to it.
import { createHmac } from 'node:crypto'
import { connect as connectSocket } from 'node:net'
import { onTestFinished } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { startGateway } from '../../src/processes/gateway.ts'
import { streamNames } from '../../src/protocol/streams.ts'
import { keptLog, openCore, storedIn } from '../helpers/core.ts'
import { within } from '../helpers/wait.ts'

process.env.GATEWAY_TEST_OLD = 'old-secret-0123'
process.env.GATEWAY_TEST_NEW = 'new-secret-4567'
export const OLD = process.env.GATEWAY_TEST_OLD
export const NEW = process.env.GATEWAY_TEST_NEW
/** Both of them count. */
export const SECRETS = [{ env: 'GATEWAY_TEST_OLD' }, { env: 'GATEWAY_TEST_NEW' }]

interface Answer {
  status: number
  headers: { get(name: string): string | null }
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is what it looks at
  json: any
}

export interface Stored {
  tag: string
  data: Record<string, unknown>
}

export async function openGateway(server: { url: string }, gateway: Record<string, unknown>) {
  const core = await openCore(server)
  const { log, lines } = keptLog()
  const config = parseConfig(
    { isolation: 'none', servers: [server.url], namespace: core.ns, gateway: { port: 0, ...gateway } },
    'the test',
  )
  const running = await startGateway(config, log)
  onTestFinished(() => running.stop())
  const port = Number(new URL(running.url).port)
  return {
    ...core,
    url: running.url,
    port,
    running,
    lines,
    /** Status, headers and the JSON of the answer. */
    async post(
      path: string,
      body: string | Uint8Array = '',
      headers: Record<string, string> = {},
      method = 'POST',
    ): Promise<Answer> {
      const response = await fetch(`${running.url}${path}`, {
        method,
        headers,
        ...(method === 'GET' || method === 'HEAD' ? {} : { body: body as string }),
      })
      const text = await response.text()
      return { status: response.status, headers: response.headers, json: text === '' ? {} : JSON.parse(text) }
    },
    /** Every event in the store, with its id. */
    async stored() {
      const all = await storedIn<Stored>(core.nc, streamNames(core.ns).events)
      return all.map(({ body, id }) => ({ id, tag: body.tag, data: body.data }))
    },
    /** Sends bytes as they are; what came back when the connection ended. */
    raw: (...parts: (string | Uint8Array)[]) => rawRequest(port, parts),
  }
}

export function rawRequest(port: number, parts: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = connectSocket(port, '127.0.0.1')
  let text = ''
  return within(
    new Promise<string>(resolve => {
      socket.on('data', data => {
        text += data.toString('latin1')
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(text))
      for (const part of parts) socket.write(part)
      socket.end()
    }),
    'the end of the connection',
    20_000,
  ).finally(() => socket.destroy())
}

export const hmac = (
  secret: string,
  text: string | Uint8Array,
  algorithm = 'sha256',
  encoding: 'hex' | 'base64' = 'hex',
) => createHmac(algorithm, secret).update(text).digest(encoding)
