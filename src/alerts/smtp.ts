// The declaration of `smtp.send_msg`, which minions and job workers both have: arguments and profile become one mail.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import type { CallContext, Profiles } from '../functions/context.ts'
import { common } from '../functions/define.ts'
import { address, fixed } from '../functions/guards.ts'
import { type Address, headerText, parseAddresses } from './addresses.ts'
import { attachmentGuard, attachmentsSchema, readAttachments } from './attachments.ts'
import type { Mail } from './mail-send.ts'
import { chooseServer } from './mail-server.ts'
import { knownProfiles, pickProfile } from './pick-profile.ts'
import { type SmtpProfile, timeoutSchema } from './profiles.ts'

const recipients = z.union([z.string(), z.array(z.string())])

export const sendMsg = common({
  doc: `Sends a mail and returns {message_id, accepted, rejected}; a refused recipient is a failure that names it.
    A profile of the config (smtp: {ops-mail: {host, username, password, from, to, …}}) gives what is not said here.
    Example: reactor run smtp.send_msg profile=ops-mail subject='disk full' message='web1 has 1% left'`,
  args: {
    recipient: recipients.optional().describe("addresses, a comma list or a list; default: the profile's 'to'"),
    message: z.string().optional().describe('the text'),
    subject: z.string().default('Message from reactor').describe('one line'),
    profile: z.string().optional().describe('name of an smtp profile of the config'),
    sender: z.string().optional().describe("address it comes from; default: the profile's 'from'"),
    cc: recipients.optional().describe("further addresses, seen by all; default: the profile's 'cc'"),
    bcc: recipients.optional().describe('further addresses, seen by nobody'),
    html: z.string().optional().describe('the same as HTML'),
    reply_to: recipients.optional().describe('where answers go'),
    attachments: attachmentsSchema.optional(),
    server: z.string().min(1).optional().describe('mail server, host or host:port'),
    port: z.number().int().min(1).max(65535).optional().describe('default 587, with tls 465, with none 25'),
    tls: z
      .enum(['starttls', 'tls', 'none'])
      .optional()
      .describe('starttls is required once chosen; default: starttls, tls on port 465, none on loopback'),
    username: z.string().min(1).optional(),
    password: z.string().min(1).optional(),
    timeout: timeoutSchema.optional().describe('for all of it, in seconds or as text such as 30s; default 30'),
  },
  guards: {
    recipient: address,
    cc: address,
    bcc: address,
    reply_to: address,
    sender: address,
    server: address,
    port: address,
    profile: fixed('what the secrets are taken from'),
    tls: fixed('what the server has to prove'),
    attachments: attachmentGuard,
  },
  idempotent: false,
  async run(args, context) {
    const profile = pickProfile<SmtpProfile>('smtp', args.profile, context.profiles.smtp)
    const server = chooseServer(args, profile, context.profiles.smtp)
    const mail = await composeMail(args, profile, context)
    // Loaded by the first mail, to keep a minion small.
    const { sendMail } = await import('./mail-send.ts')
    const sent = await sendMail(server, mail, context.signal)
    context.log.info({ message_id: sent.message_id, accepted: sent.accepted.length }, 'mail sent')
    return sent
  },
})

type MailArgs = Omit<Parameters<typeof sendMsg.run>[0], 'server' | 'port' | 'tls' | 'username' | 'password' | 'timeout'>

async function composeMail(args: MailArgs, profile: SmtpProfile | undefined, context: CallContext): Promise<Mail> {
  const known = context.profiles.smtp
  const from = parseAddresses('sender', args.sender ?? profile?.from)
  const to = parseAddresses('recipient', args.recipient ?? profile?.to)
  if (from.length !== 1) throw wrongSender(from, known)
  if (to.length === 0) throw missing("no recipient: give 'recipient', or a 'profile' with 'to'", known)
  if (args.message === undefined && args.html === undefined) throw missing("no text: give 'message' or 'html'", known)
  return {
    messageId: messageId(context.key, from[0]!),
    from: from[0]!,
    to,
    cc: parseAddresses('cc', args.cc ?? profile?.cc),
    bcc: parseAddresses('bcc', args.bcc),
    replyTo: parseAddresses('reply_to', args.reply_to),
    subject: headerText('subject', args.subject),
    ...(args.message === undefined ? {} : { text: args.message }),
    ...(args.html === undefined ? {} : { html: args.html }),
    attachments: await readAttachments(args.attachments, profile?.attachment_dirs),
  }
}

/** The same for every attempt at the same piece of work, so that a mail sent twice is seen as one. */
export function messageId(key: string, from: Address): string {
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1)
  return `<${createHash('sha256').update(key).digest('hex').slice(0, 40)}@reactor.${domain}>`
}

function wrongSender(from: readonly Address[], known: Profiles): ReactorError {
  if (from.length === 0) return missing("no sender: give 'sender', or a 'profile' with 'from'", known)
  return new ReactorError('bad_argument', `smtp.send_msg: a mail has one sender, got ${from.length}`)
}

function missing(what: string, known: Profiles): ReactorError {
  return new ReactorError('bad_argument', `smtp.send_msg: ${what}. ${knownProfiles('smtp', known)}`)
}
