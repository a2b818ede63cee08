// Returner `smtp`: results as mail.
import { z } from 'zod'
import { timeoutSchema } from '../alerts/profiles.ts'
import { returner } from '../functions/define-returner.ts'
import { openMail } from '../returner/mail.ts'
import { RETURN_FIELDS } from '../returner/mail-fields.ts'

const addresses = z.union([z.string(), z.array(z.string())])

export default returner({
  doc: `One mail for each return; of events one mail for each batch.
    A return that comes again is not mailed again by the same process; from another it has the same Message-ID.`,
  options: {
    profile: z.string().min(1).optional().describe('an smtp profile of the config, in place of host, login and tls'),
    from: addresses.optional().describe("one address; default: the profile's"),
    to: addresses.optional().describe("addresses, a comma list or a list; default: the profile's"),
    host: z.string().min(1).optional().describe('mail server'),
    port: z.number().int().min(1).max(65535).optional().describe('default 587, with tls 465, with none 25'),
    username: z.string().min(1).optional(),
    password: z.string().min(1).optional(),
    tls: z
      .union([z.boolean(), z.enum(['starttls', 'tls', 'none'])])
      .optional()
      .describe('starttls (true), tls, none (false); default: starttls, tls on port 465, none on loopback'),
    subject: z
      .string()
      .default("{{ id }}: {{ fun }} {{ 'done' if success else 'failed' }}")
      .describe("of a return's mail, a Jinja template over the keys of the return"),
    fields: z
      .union([z.string(), z.array(z.string())])
      .transform(given => [given].flat().flatMap(text => text.split(/[\s,]+/).filter(Boolean)))
      .pipe(z.array(z.enum(RETURN_FIELDS)))
      .default([])
      .describe(`keys of the return whose values are added to the subject: ${RETURN_FIELDS.join(', ')}`),
    template: z
      .string()
      .optional()
      .describe(
        "text of a return's mail, a Jinja template over the keys of the return; default: a report of all of it",
      ),
    timeout: timeoutSchema.optional().describe("for one mail; default: the profile's, or 10s"),
  },
  can: ['returner', 'event_return'],
  open: openMail,
})
