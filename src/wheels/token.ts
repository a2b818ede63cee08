// Wheel `token`: join tokens, which let in the keys of new minions that nobody waits for.
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { wheel } from '../functions/define.ts'

export const create = wheel({
  doc: `Makes a join token, and returns {name, ids, expires, uses_left, created_by, token}: \`token\` is the secret, which is shown
    only here, and \`expires\` is in milliseconds since the epoch. A minion that shows it (minion.join) is accepted at once.
    Example: reactor wheel token.create ids='web*' uses=10 expires=1h`,
  args: {
    ids: z.string().default('*').describe('glob that the ids must match which it lets in'),
    uses: z.number().int().min(1).default(1).describe('how many minions it lets in'),
    expires: z
      .union([z.string(), z.number()])
      .default('1h')
      .describe("how long it is good: seconds, or with a unit, such as '1h'"),
  },
  secrets: ['token'],
  run: ({ ids, uses, expires }, { tokens, user }) =>
    tokens.create({ ids, uses, expiresMs: parseDuration(expires), by: user }),
})

export const list = wheel({
  doc: `Lists the join tokens that have not expired, without their secrets, as [{name, ids, expires, uses_left, created_by}, …].
    Example: reactor wheel token.list`,
  idempotent: true,
  run: (_args, { tokens }) => tokens.list(),
})

export const revoke = wheel({
  doc: `Ends a join token, and returns whether there was one. Minions that it has let in stay.
    Example: reactor wheel token.revoke 1f2e3d4c5b6a`,
  args: { name: z.string().describe("the token's name, as token.list has it") },
  idempotent: true,
  run: ({ name }, { tokens }) => tokens.revoke(name),
})
