// The HTTP server of one process for monitoring: /metrics, /healthz, /readyz. It reads nothing from its callers but a method
// and a path, and changes nothing.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ReactorError } from '../base/errors.ts'
import type { Running } from '../base/service.ts'

export interface Page {
  status: number
  type: string
  body: string
}

export interface MetricsServer extends Running {
  /** `http://host:port`, with the port that it got. */
  readonly url: string
}

const METHODS = 'GET, HEAD'
/** A scraper keeps one connection; who opens more than these is no scraper. */
const MOST_CONNECTIONS = 64
const REQUEST_MS = 10_000

export const plain = (status: number, body: string): Page => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
})

/** Listens once resolved; port 0: a free one. Throws `port_in_use`, and `bad_config` for an address that this machine has not. */
export async function startMetricsServer(
  { host, port }: { host: string; port: number },
  pages: Readonly<Record<string, () => Page | Promise<Page>>>,
): Promise<MetricsServer> {
  const pageOf = async ({ method, url = '/' }: IncomingMessage): Promise<Page> => {
    const path = url.split('?', 1)[0]!
    if (!Object.hasOwn(pages, path)) return plain(404, `not found; there are ${Object.keys(pages).join(', ')}`)
    if (method !== 'GET' && method !== 'HEAD') return plain(405, `${method} is not answered here; use ${METHODS}`)
    return pages[path]!()
  }
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { status, type, body } = await pageOf(request)
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(status === 405 ? { allow: METHODS } : {}),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
    // A body that nobody asked for is thrown away.
    request.resume()
    answer(request, response).catch(() => response.destroy())
  })
  server.maxConnections = MOST_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(unlistenable(error, host, port)))
    server.listen(port, host, resolve)
  })
  // What monitors a process must not keep it alive.
  server.unref()
  const { address, family, port: got } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${got}`,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function unlistenable(error: NodeJS.ErrnoException, host: string, port: number): ReactorError {
  if (error.code === 'EADDRINUSE')
    return new ReactorError(
      'port_in_use',
      `port ${port} of ${host} is taken: metrics cannot be served there; choose another with --metrics-port, or 0 for a free one`,
    )
  return new ReactorError(
    'bad_config',
    `metrics cannot be served on ${host} port ${port} (${error.message}): metrics.host must be an address of this machine, and metrics.port one that this user may listen on`,
    {},
    error,
  )
}
