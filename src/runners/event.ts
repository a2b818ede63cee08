// Runner `event`: fires events from a job worker.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { runner } from '../functions/define.ts'
import { serviceTag } from '../functions/guards.ts'
import { isRecord } from '../protocol/belief.ts'

export const send = runner({
  doc: `Fires an event with that tag and data, as they are, and returns true once it is stored.
    Example: reactor run event.send my/app/released '{"version": "1.4.2"}'`,
  args: {
    tag: z.string().min(1).describe('the tag, such as my/app/released'),
    data: z.record(z.string(), z.unknown()).nullish().describe('what happened, as a map'),
  },
  guards: { tag: serviceTag },
  async run({ tag, data }, context) {
    // As an event of this service it would be believed.
    if (isRecord(tag))
      throw new ReactorError('forbidden', `'${tag.slice(0, 100)}' is of the audit record, which nobody writes by hand`)
    await context.fire(tag, data ?? {})
    return true
  },
})
