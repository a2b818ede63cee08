// Returner `syslog`: results as lines of the system log, here or on another machine.
import { z } from 'zod'
import { timeoutSchema } from '../alerts/profiles.ts'
import { returner } from '../functions/define-returner.ts'
import { openSyslog } from '../returner/syslog.ts'
import { readAddress } from '../returner/syslog-address.ts'
import { FACILITIES, LEVELS } from '../returner/syslog-line.ts'

/** Salt writes `LOG_INFO`. */
const named = <const N extends readonly string[]>(names: N) =>
  z
    .string()
    .transform(name => name.replace(/^LOG_/i, '').toLowerCase())
    .pipe(z.enum(names))

export default returner({
  doc: `One line for each return and each event: the record as JSON, cut at 65,507 bytes.
    To an address by RFC 5424, else by the program 'logger' of this machine. No syslog server says that it has a line.`,
  options: {
    address: z
      .string()
      .refine(text => readAddress(text) !== undefined, 'expected udp://host:514, tcp://host:514 or unix:/dev/log')
      .optional()
      .describe("udp://host:514, tcp://host:514 or unix:/path; default: where 'logger' writes"),
    level: named(LEVELS).default('info').describe(LEVELS.join(', ')),
    facility: named(FACILITIES).default('user').describe(FACILITIES.join(', ')),
    tag: z
      .string()
      .regex(/^[\x21-\x7e]{1,48}$/, 'expected 1 to 48 printable ASCII characters')
      .default('reactor')
      .describe('the name of the program that logs'),
    timeout: timeoutSchema.default('10s').describe('for one call'),
  },
  can: ['returner', 'event_return'],
  open: openSyslog,
})
