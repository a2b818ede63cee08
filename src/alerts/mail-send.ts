// One mail over one SMTP connection: nodemailer set up so that nothing is silently less than was asked for, and its
// errors turned into sentences with the server's own words.
import { createTransport, type NodemailerError } from 'nodemailer'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Address } from './addresses.ts'
import type { Attachment } from './attachments.ts'
import { createDeadline } from './deadline.ts'
import type { MailServer } from './mail-server.ts'
import { createScrub, oneLine, type Scrub } from './secrets.ts'

export interface Mail {
  /** With its angle brackets. */
  messageId: string
  from: Address
  to: Address[]
  cc: Address[]
  bcc: Address[]
  replyTo: Address[]
  subject: string
  text?: string
  html?: string
  attachments: Attachment[]
}

export interface Delivered {
  message_id: string
  accepted: string[]
  rejected: string[]
}

/**
 * Sends the mail; resolves once the server has taken it for every recipient. Throws `function_failed` (refused by the
 * server, for some or all recipients), `unreachable` or `timeout`. `details.refused` is true where no try will mend it.
 */
export async function sendMail(server: MailServer, mail: Mail, signal: AbortSignal): Promise<Delivered> {
  const deadline = createDeadline(signal, server.timeoutMs)
  const scrub = createScrub([server.login?.password, server.login && plainLogin(server.login)])
  const transport = createTransport(transportOptions(server))
  try {
    const sent = await transport.sendMail({
      ...mail,
      // Keeps vacation notices and other robots from answering an alert.
      headers: { 'Auto-Submitted': 'auto-generated' },
      xMailer: false,
      disableFileAccess: true,
      disableUrlAccess: true,
      signal: deadline.signal,
    })
    const refusals = (sent.rejectedErrors ?? []).map(error => describeRefusal(error, scrub))
    if (sent.rejected.length > 0) throw partlyRefused(server, mail, sent.accepted, sent.rejected, refusals)
    return { message_id: mail.messageId, accepted: sent.accepted, rejected: sent.rejected }
  } catch (error) {
    if (error instanceof ReactorError) throw error
    if (deadline.expired()) {
      throw new ReactorError('timeout', `${place(server)} did not take the mail within ${server.timeoutMs / 1000}s`)
    }
    if (signal.aborted) throw stopped(server, signal)
    throw explain(server, error as NodemailerError, scrub)
  } finally {
    deadline.clear()
    transport.close()
  }
}

function transportOptions(server: MailServer) {
  const { host, port, tls, login } = server
  // The deadline of the call is to be the one that ends it; these only have to come later.
  const later = server.timeoutMs + 60_000
  return {
    host,
    port,
    secure: tls === 'tls',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    // Without this, a server that offers no login would get the mail without one.
    ...(login ? { auth: { user: login.username, pass: login.password }, forceAuth: true } : {}),
    tls: {
      minVersion: 'TLSv1.2' as const,
      rejectUnauthorized: server.rejectUnauthorized,
      ...(server.ca === undefined ? {} : { ca: server.ca }),
    },
    dnsTimeout: later,
    connectionTimeout: later,
    greetingTimeout: later,
    socketTimeout: later,
  }
}

function explain(server: MailServer, error: NodemailerError, scrub: Scrub): ReactorError {
  const words = oneLine(scrub(error.response || errorMessage(error)))
  const details = {
    ...{ host: server.host, port: server.port },
    ...(error.responseCode ? { reply: error.responseCode } : {}),
    ...(isFinal(error) ? { refused: true } : {}),
  }
  const fail = (code: 'function_failed' | 'unreachable', what: string) =>
    new ReactorError(code, scrub(`${place(server)} ${what}`), details)
  if (error.code === 'EAUTH')
    return fail('function_failed', `refused the login of '${server.login?.username}': ${words}`)
  if (error.code === 'ETLS') return fail('function_failed', `does not do TLS as asked (tls: ${server.tls}): ${words}`)
  const refusals = error.rejectedErrors?.map(refusal => describeRefusal(refusal, scrub)) ?? []
  if (refusals.length > 0) return fail('function_failed', `refused every recipient: ${refusals.join('; ')}`)
  if (error.responseCode) return fail('function_failed', `refused the mail at ${error.command}: ${words}`)
  return fail('unreachable', `cannot be used: ${words}`)
}

/** Whether the same mail would be refused again: 5xx about a recipient or the text. */
function isFinal({ command, responseCode = 0 }: NodemailerError): boolean {
  return responseCode >= 500 && (command === 'RCPT TO' || command === 'DATA')
}

function partlyRefused(server: MailServer, mail: Mail, accepted: string[], rejected: string[], refusals: string[]) {
  return new ReactorError(
    'function_failed',
    `${place(server)} took the mail for ${accepted.join(', ')}, but refused ${refusals.join('; ') || rejected.join(', ')}`,
    // Sent again it would come again to those who have it.
    { message_id: mail.messageId, accepted, rejected, refused: true },
  )
}

function describeRefusal(error: NodemailerError, scrub: Scrub): string {
  return oneLine(scrub(`${error.recipient}: ${error.response || errorMessage(error)}`))
}

function stopped(server: MailServer, signal: AbortSignal): ReactorError {
  if (signal.reason instanceof ReactorError) return signal.reason
  return new ReactorError('function_failed', `${place(server)}: stopped: ${errorMessage(signal.reason)}`)
}

function place(server: MailServer): string {
  return `mail server ${server.host}:${server.port}`
}

/** What AUTH PLAIN sends, which some servers repeat in their answer. */
function plainLogin(login: { username: string; password: string }): string {
  return `\u0000${login.username}\u0000${login.password}`
}
