// Alarms: what needs a person. Each is told once an hour, whichever process sees it, and anew when it has ended.
import { z } from 'zod'
import { event, type Sender } from './define.ts'
import { stamp, texts } from './fields.ts'

const message = z.string().describe('in words')
const rule = z.string().describe('the rule')
const reason = z.string().describe('in words')
const bytes = z.number().describe('bytes that are in it')
const maxBytes = z.number().optional().describe('bytes that it may have')
const unread = z
  .array(
    z.strictObject({
      name: z.string(),
      floor: z.number(),
      behind: z.number(),
    }),
  )
  .describe('who has yet to read events: `name`, `floor` (up to there it has read all), `behind` (how many it has not)')

const alarm = <const K extends string, const P extends string, F extends z.ZodRawShape>(
  kind: K,
  about: P,
  doc: string,
  by: readonly Sender[],
  data: F,
) =>
  event(`salt/alarm/${kind}${about}`, {
    doc,
    by,
    data: {
      kind: z.literal(kind).describe('as in the tag'),
      about: z.string().describe(about === '' ? 'empty' : 'whole, where the tag has the hash of a long one'),
      ...data,
    },
  })

/** By kind, as they are raised. */
export const ALARMS = {
  loop: alarm('loop', '/<rule>', 'rules that trigger each other were cut', ['_reactor'], {
    rule,
    cycle: texts.describe('the rules that trigger each other, or that led to it'),
    why: z.string().describe('in words'),
    event: z.string().describe('id of the event where it was cut'),
    tag: z.string().describe('its tag'),
  }),
  rule: alarm('rule', '/<rule>', 'a rule keeps failing', ['_reactor', '_jobs'], {
    rule,
    failures: z.number().optional().describe('reactions that failed one after another'),
    key: z.string().describe('the latest of them'),
    reason: reason.describe('why that one failed'),
  }),
  lane: alarm('lane', '/<rule>', 'reactions of a rule pile up in a job worker', ['_jobs'], {
    rule,
    fast: z.number().optional().describe('messages that are in hand'),
    slow: z.number().optional().describe('those of them that wait with other slow ones'),
  }),
  parked: alarm('parked', '', 'the store of parked reactions takes no more', ['_reactor', '_jobs'], { rule, reason }),
  store_full: alarm('store_full', '/<store>', 'a stream will soon refuse what comes', ['_reactor', '_cache'], {
    message,
    bytes,
    max_bytes: maxBytes,
    messages: z.number().optional().describe('messages that are in it'),
    unread: unread.optional(),
  }),
  events_expiring: alarm('events_expiring', '', 'events are about to go unread', ['_cache'], {
    message,
    oldest: stamp.describe('when the oldest of them was stored'),
    gone_in_s: z.number().describe('seconds until it goes'),
    unread,
  }),
  window_keys: alarm('window_keys', '/<rule>', 'a stateful rule has more keys than are kept', ['_reactor'], {
    rule,
    max_keys: z.number().describe('how many are kept'),
  }),
  ledger: alarm(
    'ledger',
    '/<what>',
    'what is done is forgotten while it may come again',
    ['_jobs', '_reactor', '_cache'],
    {
      message,
      until: stamp.optional().describe('what was done before is forgotten'),
      keys: z.number().optional().describe('how much is remembered'),
      bytes: bytes.optional(),
      max_bytes: maxBytes,
      oldest: stamp.optional().describe('of what is remembered'),
    },
  ),
  returner: alarm('returner', '/<use…>', 'a store of job results or events takes nothing', ['_cache'], {
    message,
    returner: z.string().optional().describe('its name'),
  }),
  returner_refused: alarm('returner_refused', '/<use…>', 'it does not take some record', ['_cache'], {
    message,
    returner: z.string().describe('its name'),
  }),
  returner_late: alarm('returner_late', '/<use…>', 'what waits for it takes the room of others', ['_cache'], {
    message,
    unread: z.number().describe('events that it has yet to get'),
    bytes,
    max_bytes: maxBytes,
  }),
  returner_loses: alarm('returner_loses', '/<use…>', 'what waits for it is removed', ['_cache'], {
    message,
    missed: z.number().describe('events that it has missed so far'),
  }),
  returner_missed: alarm(
    'returner_missed',
    '/<use…>',
    'it takes events again, and how much it has missed',
    ['_cache'],
    {
      message,
      missed: z.number().describe('events that it has missed'),
    },
  ),
}
export type AlarmKind = keyof typeof ALARMS

/** `about` as it stands in the tag; empty where the kind is about nothing of its own. */
export const alarmTag = (kind: AlarmKind, about: string): string =>
  about === '' ? `salt/alarm/${kind}` : `salt/alarm/${kind}/${about}`
