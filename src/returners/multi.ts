// The returner `multi`: hands on to several others.
import { z } from 'zod'
import { CAPABILITIES, type ReturnerStore, returner } from '../functions/define-returner.ts'
import { storeOfSeveral } from '../returner/several.ts'

const names = z
  .union([z.string(), z.array(z.string())])
  .transform(given => (typeof given === 'string' ? given.split(',') : given).map(name => name.trim()).filter(Boolean))

export default returner({
  doc: `Hands on to several others: what is written goes to all of them, what is read comes from the first that can be read.

  A record counts as stored once all have it that take such records, so one that is down holds up the others. What these have
  meanwhile, of the last 10,000 records, they are not given again. Each is opened with its own settings; \`return_config\` goes for them
  too. It can what one of them can.`,
  options: {
    returners: names
      .refine(all => all.length > 0, 'expected at least one name')
      .refine(all => new Set(all).size === all.length, 'expected each name once')
      .describe('names of returners, in a list or joined by commas; the first that can be read is the one that is'),
  },
  can: CAPABILITIES,
  async open({ returners }, context): Promise<ReturnerStore> {
    return storeOfSeveral(await Promise.all(returners.map(async name => ({ name, store: await context.open(name) }))))
  },
})
