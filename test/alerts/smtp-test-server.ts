// A real SMTP server on a free loopback port that keeps the mails it takes, and a raw one that speaks from a script.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { onTestFinished } from 'vitest'
import { TEST_CERT, TEST_KEY } from './certificate.ts'

export interface TakenMail {
  raw: string
  from: string
  to: string[]
  user: string | undefined
  secure: boolean
}

export async function startSmtp(options: SMTPServerOptions = {}): Promise<{ port: number; mails: TakenMail[] }> {
  const mails: TakenMail[] = []
  const server = new SMTPServer({
    authOptional: options.onAuth === undefined,
    disableReverseLookup: true,
    closeTimeout: 100,
    key: TEST_KEY,
    cert: TEST_CERT,
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', chunk => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          raw: Buffer.concat(chunks).toString(),
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(recipient => recipient.address),
          user: session.user as string | undefined,
          secure: session.secure,
        })
        done()
      })
    },
    ...options,
  })
  // A client that breaks off is what some tests are about.
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  onTestFinished(() => new Promise<void>(resolve => server.close(() => resolve())))
  return { port: (server.server.address() as AddressInfo).port, mails }
}

/** Answers each line of the client with what `reply` gives; `undefined` says nothing. */
export async function startScripted(greeting: string | undefined, reply: (line: string) => string | undefined) {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    if (greeting !== undefined) socket.write(`${greeting}\r\n`)
    socket.on('data', data => {
      for (const line of String(data).split('\r\n').filter(Boolean)) {
        const words = reply(line)
        if (words !== undefined) socket.write(`${words}\r\n`)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
