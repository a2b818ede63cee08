// The store behind the returner `smtp`: each record becomes a mail, and none is sent twice that this process knows of.
import { createHash } from 'node:crypto'
import { sendMail } from '../alerts/mail-send.ts'
import { messageId } from '../alerts/smtp.ts'
import { ReactorError } from '../base/errors.ts'
import { type ReturnerContext, type ReturnerStore, refused } from '../functions/define-returner.ts'
import { createCalls, handOn, lastOfEach, returnKey } from './hand-on.ts'
import { type MailPlanOptions, planMail } from './mail-plan.ts'
import { createReturnWording, eventsWording, type Wording, type WordingOptions } from './mail-wording.ts'
import { UNSTOPPED } from './time-limit.ts'

/** Mail servers take few connections of one client at once. */
const AT_ONCE = 4
/** Mails that are remembered as sent: a call that failed half way comes again as a whole. */
const MOST_REMEMBERED = 10_000

/** Throws `bad_config`. */
export function openMail(options: MailPlanOptions & WordingOptions, { profiles }: ReturnerContext): ReturnerStore {
  const { server, from, to, cc } = planMail(options, profiles.smtp)
  const wordingOf = createReturnWording(options)
  const calls = createCalls()
  const sent = new Set<string>()

  const send = async (key: string, { subject, text }: Wording) => {
    // A later return of the same minion and job says something else, and is a mail of its own.
    const mark = createHash('sha256').update(`${key}\n${subject}\n${text}`).digest('base64')
    if (sent.has(mark)) return
    const mail = { messageId: messageId(key, from), from, to, cc, bcc: [], replyTo: [], subject, text, attachments: [] }
    await sendMail(server, mail, UNSTOPPED).catch((error: unknown) => {
      if (error instanceof ReactorError && error.details.refused === true) throw refused(error.message, error)
      throw error
    })
    if (sent.size >= MOST_REMEMBERED) sent.delete(sent.values().next().value!)
    sent.add(mark)
  }

  return {
    returner: returns =>
      calls.hold(
        handOn(lastOfEach(returns, returnKey), AT_ONCE, async record => send(returnKey(record), wordingOf(record))),
      ),
    event_return: events => {
      const once = lastOfEach(events, ({ id }) => id)
      if (once.length === 0) return Promise.resolve()
      return calls.hold(send(`events ${once.map(({ id }) => id).join(' ')}`, eventsWording(once)))
    },
    close: () => calls.ended(),
  }
}
