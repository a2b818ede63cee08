// The HTTP server of the gateway: bounds what connections may cost, and writes answers as JSON.
import { readFile } from 'node:fs/promises'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Running } from '../base/service.ts'
import { type GatewayConfig, networks } from '../config/gateway-schema.ts'
import { isWithin, plainAddress, senderOf } from './address.ts'
import { discardRest } from './body.ts'
import type { Answer } from './handle.ts'
import { retryAfter } from './refusal.ts'
import type { GatewayStats } from './stats.ts'

export interface GatewayServer extends Running {
  /** `http://host:port`, with the port that it got. */
  readonly url: string
  connections(): number
  inHand(): number
  /** Reads certificate and key again; true: they have changed. Throws where they cannot be used, and those of before still count. */
  renewTls(): Promise<boolean>
}

export interface ServerParts {
  handle(request: IncomingMessage): Promise<Answer | undefined>
  /** Why nothing can be stored just now. */
  away(): Promise<string | undefined>
  stats: GatewayStats
}

const HEADER_BYTES = 16 * 1024
const KEEP_ALIVE_MS = 5000
const STOP_WITHIN_MS = 3000
/** A connection that is kept serves so many, so that senders spread again over several gateways. */
const REQUESTS_A_CONNECTION = 10_000

/** Listens once resolved. Throws `port_in_use`, `unreadable` and `bad_config`. */
export async function startGatewayServer(config: GatewayConfig, parts: ServerParts): Promise<GatewayServer> {
  const { host, port, max_connections, request_timeout } = config
  let files = config.tls && (await readTls(config.tls))
  const options: ServerOptions = {
    requestTimeout: request_timeout,
    headersTimeout: request_timeout,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: HEADER_BYTES,
    connectionsCheckingInterval: Math.min(1000, request_timeout),
    // What two servers could read in two ways is an error, and the end of the connection.
    insecureHTTPParser: false,
    requireHostHeader: true,
  }
  let inHand = 0
  let stopping = false
  const listener: RequestListener = (request, response) => {
    // Requests on one connection can come before their answers.
    if (inHand >= max_connections) {
      parts.stats.answered('', 'unavailable')
      write(request, response, 503, { error: 'too many requests at once' }, retryAfter(1))
      return
    }
    inHand += 1
    const began = performance.now()
    void answerOf(request, parts)
      .then(answer => {
        if (!answer) {
          parts.stats.answered('', 'gone')
          response.destroy()
          return
        }
        if (answer.hook !== HEALTH) parts.stats.answered(answer.hook, answer.result)
        if (answer.result === 'stored') parts.stats.stored(performance.now() - began)
        // Who asks again on this connection would be cut.
        if (stopping) response.setHeader('connection', 'close')
        write(request, response, answer.status, answer.body, answer.headers)
      })
      .catch(() => response.destroy())
      .finally(() => {
        inHand -= 1
      })
  }
  const secure = files && createTlsServer({ ...options, handshakeTimeout: request_timeout, ...files }, listener)
  const server = secure ?? createServer(options, listener)
  // Bounded in bytes; what is over a bound in number would be left out without a word.
  server.maxHeadersCount = 0
  server.maxConnections = max_connections
  server.maxRequestsPerSocket = REQUESTS_A_CONNECTION
  const connections = countConnections(config)
  server.on('connection', (socket: Socket) => {
    if (connections.take(socket)) return
    parts.stats.answered('', 'limited')
    socket.destroy()
  })
  server.on('drop', () => parts.stats.answered('', 'unavailable'))
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(unlistenable(error, host, port)))
    server.listen(port, host, resolve)
  })
  const { address, family, port: got } = server.address() as AddressInfo
  const shown = family === 'IPv6' ? `[${address}]` : address
  return {
    url: `${config.tls ? 'https' : 'http'}://${shown}:${got}`,
    connections: connections.open,
    inHand: () => inHand,
    async renewTls() {
      if (!secure || !config.tls) return false
      const found = await readTls(config.tls)
      if (files?.cert.equals(found.cert) && files.key.equals(found.key)) return false
      secure.setSecureContext(found)
      files = found
      return true
    },
    stop: () =>
      new Promise(resolve => {
        stopping = true
        const cut = setTimeout(() => server.closeAllConnections(), STOP_WITHIN_MS)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

/** One address must not have all connections; those of a trusted proxy are of many senders. */
function countConnections({ address_connections, trusted_proxies }: GatewayConfig) {
  const proxies = networks(trusted_proxies)
  const bySender = new Map<string, number>()
  let open = 0
  return {
    open: () => open,
    /** False: its sender has as many as one may. */
    take(socket: Socket): boolean {
      const address = plainAddress(socket.remoteAddress ?? '')
      const sender = senderOf(address)
      const has = bySender.get(sender) ?? 0
      if (address_connections > 0 && has >= address_connections && !isWithin(proxies, address)) return false
      open += 1
      bySender.set(sender, has + 1)
      socket.once('close', () => {
        open -= 1
        const left = bySender.get(sender)! - 1
        if (left > 0) bySender.set(sender, left)
        else bySender.delete(sender)
      })
      return true
    },
  }
}

const HEALTH = '/healthz'

async function answerOf(request: IncomingMessage, { handle, away }: ServerParts): Promise<Answer | undefined> {
  if (request.url !== HEALTH) return handle(request)
  const answer = { result: 'answered', hook: HEALTH } as const
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { ...answer, status: 405, body: { error: `${HEALTH} takes GET` }, headers: { allow: 'GET, HEAD' } }
  const reason = await away()
  return reason === undefined
    ? { ...answer, status: 200, body: { ok: true } }
    : { ...answer, status: 503, body: { error: 'events cannot be stored just now' }, headers: retryAfter(1) }
}

function write(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: Record<string, unknown>,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : text)
  discardRest(request)
}

async function readTls({ cert, key }: NonNullable<GatewayConfig['tls']>) {
  const read = async (name: string, file: string) => {
    try {
      return await readFile(file)
    } catch (error) {
      throw new ReactorError('unreadable', `gateway.tls.${name}: cannot read ${file}: ${errorMessage(error)}`)
    }
  }
  return { cert: await read('cert', cert), key: await read('key', key) }
}

function unlistenable(error: NodeJS.ErrnoException, host: string, port: number): ReactorError {
  if (error.code === 'EADDRINUSE')
    return new ReactorError(
      'port_in_use',
      `port ${port} of ${host} is taken: webhooks cannot be taken there; set gateway.port, or 0 for a free one`,
    )
  return new ReactorError(
    'bad_config',
    `webhooks cannot be taken on ${host} port ${port} (${error.message}): gateway.host must be an address of this machine, and gateway.port one that this user may listen on`,
    {},
    error,
  )
}
