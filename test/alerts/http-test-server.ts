// A real HTTP server on a free loopback port: it keeps the requests and answers as the test says.
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { TEST_CERT, TEST_KEY } from './certificate.ts'

export interface Seen {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}
export type Answer = (request: Seen, response: ServerResponse, nth: number) => void

export async function startHttp(answer: Answer, secure = false): Promise<{ url: string; host: string; seen: Seen[] }> {
  const seen: Seen[] = []
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = '', url = '', headers } = request
    seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
    answer(seen.at(-1)!, response, seen.length)
  }
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    // A client that goes away while it sends is what some tests are about.
    void handle(request, response).catch(() => response.destroy())
  const server = secure ? createTlsServer({ key: TEST_KEY, cert: TEST_CERT }, listener) : createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url: `${secure ? 'https' : 'http'}://${host}`, host, seen }
}

/** Answers with JSON. */
export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
  }
}

/** Each answer once, in order; the last one again for all that follow. */
export function inTurn(...answers: Answer[]): Answer {
  return (request, response, nth) => answers[Math.min(nth, answers.length) - 1]!(request, response, nth)
}

export function redirect(to: string, status = 302): Answer {
  return (_request, response) => void response.writeHead(status, { location: to }).end()
}
