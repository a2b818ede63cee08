// Returner `nats`: results as messages of a stream that others read.
import { z } from 'zod'
import { timeoutSchema } from '../alerts/profiles.ts'
import { returner } from '../functions/define-returner.ts'
import { durationOption } from '../returner/duration-option.ts'
import { openStream } from '../returner/stream.ts'

const STREAM = /^[A-Za-z0-9_-]{1,200}$/
const SUBJECT = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/

export default returner({
  doc: `Messages of a JetStream stream for others, on a server of its own or with a login of its own.
    Returns lie under <subject>.return.<fun>.<minion>, events under <subject>.event.<tag>. What may come a second time has
    the same Nats-Msg-Id: <jid>/<minion>/<digest of what was returned>, or the event's id.`,
  options: {
    servers: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).describe('nats://host:4222, or a list'),
    seed: z.string().min(1).optional().describe('file with the nkey seed of a user'),
    user: z.string().min(1).optional(),
    password: z.string().optional(),
    token: z.string().min(1).optional().describe('in place of a user'),
    tls: z
      .strictObject({
        ca: z.string().min(1).optional(),
        cert: z.string().min(1).optional(),
        key: z.string().min(1).optional(),
      })
      .optional()
      .describe('PEM files: {ca} of the server, {cert, key} of this client'),
    stream: z.string().regex(STREAM, "expected letters, digits, '_' and '-'").default('RETURNS').describe('its name'),
    subject: z
      .string()
      .regex(SUBJECT, 'expected words with dots, such as returns')
      .default('returns')
      .describe('what all subjects begin with'),
    create: z.boolean().default(true).describe('make the stream where it is missing'),
    max_age: durationOption.prefault('7d').describe('how long a stream that it makes keeps messages; 0: for ever'),
    max_bytes: z
      .number()
      .int()
      .min(1024 * 1024)
      .default(1024 ** 3)
      .describe('bytes that a stream that it makes keeps; then the oldest go'),
    timeout: timeoutSchema.default('10s').describe('for connecting, and for the messages of one call'),
  },
  can: ['returner', 'event_return'],
  open: openStream,
})
