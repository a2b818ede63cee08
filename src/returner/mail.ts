// The store behind the returner `smtp`: each record becomes a mail, and none is sent twice that this process knows of.
import { sendMail } from '../alerts/mail-send.ts'
import { messageId } from '../alerts/smtp.ts'
import { ReactorError } from '../base/errors.ts'
import { type ReturnerContext, type ReturnerStore, refused } from '../functions/define-returner.ts'
import { createCalls, handOn, handOnTogether } from './hand-on.ts'
import { type MailPlanOptions, planMail } from './mail-plan.ts'
import { createReturnWording, eventsWording, type Wording, type WordingOptions } from './mail-wording.ts'
import { createTaken, eventItem, returnItem } from './taken.ts'
import { UNSTOPPED } from './time-limit.ts'

/** Mail servers take few connections of one client at once. */
const AT_ONCE = 4

/** Throws `bad_config`. */
export function openMail(options: MailPlanOptions & WordingOptions, { profiles }: ReturnerContext): ReturnerStore {
  const { server, from, to, cc } = planMail(options, profiles.smtp)
  const wordingOf = createReturnWording(options)
  const calls = createCalls()
  const taken = createTaken()

  const send = async (key: string, { subject, text }: Wording) => {
    const mail = { messageId: messageId(key, from), from, to, cc, bcc: [], replyTo: [], subject, text, attachments: [] }
    await sendMail(server, mail, UNSTOPPED).catch((error: unknown) => {
      if (error instanceof ReactorError && error.details.refused === true) throw refused(error.message, error)
      throw error
    })
  }

  return {
    returner: returns =>
      calls.hold(() =>
        handOn(returns.map(returnItem), taken, AT_ONCE, async ({ key, record }) => send(key, wordingOf(record))),
      ),
    event_return: events =>
      calls.hold(() =>
        handOnTogether(events.map(eventItem), taken, left =>
          send(`events ${left.map(({ key }) => key).join(' ')}`, eventsWording(left.map(({ record }) => record))),
        ),
      ),
    close: () => calls.ended(),
  }
}
