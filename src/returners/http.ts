// Returner `http`: results as JSON to a web service.
import { z } from 'zod'
import { timeoutSchema } from '../alerts/profiles.ts'
import { returner } from '../functions/define-returner.ts'
import { openPost } from '../returner/post.ts'

const header = z.union([z.string(), z.number(), z.boolean()])

export default returner({
  doc: `Sends each return, and each event, as JSON to a URL; with 'batch' as lists.
    What the process knows was taken is not sent again. What may come a second time has the same Idempotency-Key:
    <jid>/<minion>/<digest of what was returned>, or an event's id. After a 429 or 503 with Retry-After
    no request goes for that long, ten minutes at most.`,
  options: {
    url: z.string().min(1).optional().describe("where to; with a profile relative to the profile's url"),
    profile: z.string().min(1).optional().describe('an http profile of the config, which holds the secrets'),
    method: z
      .string()
      .toUpperCase()
      .pipe(z.enum(['POST', 'PUT', 'PATCH']))
      .default('POST')
      .describe('POST, PUT or PATCH'),
    headers: z.record(z.string(), header).optional().describe('further request headers'),
    batch: z.boolean().default(false).describe('send lists, as they come, in place of single ones'),
    timeout: timeoutSchema.optional().describe("for one request; default: the profile's, or 10s"),
  },
  can: ['returner', 'event_return'],
  open: openPost,
})
