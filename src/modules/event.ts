// Module `event`: fires events from the minion, in the shape in which Salt's minions fire theirs.
import { z } from 'zod'
import { execution } from '../functions/define.ts'
import { chosenFacts, fireMinionEvent } from '../functions/minion-event.ts'

const tag = z.string().min(1).describe('the tag, such as my/app/deployed')
const map = z.record(z.string(), z.unknown())

export const send = execution({
  doc: `Fires an event to the master under this minion's name and returns true once it is stored.
    Further name=value arguments go into the data; where data has the same name, data wins.
    Example: reactor call web1 event.send my/app/deployed '{"version": "1.4.2"}' env=prod`,
  args: {
    tag,
    data: map.nullish().describe('what happened, as a map'),
    with_grains: z
      .union([z.boolean(), z.array(z.string())])
      .default(false)
      .describe("adds the minion's grains as 'grains': all of them, or those named"),
  },
  extra: 'kwargs',
  async run({ tag, data, with_grains, kwargs }, context) {
    const grains = with_grains === false ? {} : { grains: chosenFacts(with_grains, context.grains) }
    await fireMinionEvent(tag, { ...grains, ...kwargs, ...data }, context)
    return true
  },
})

export const fire_master = execution({
  doc: `Fires an event to the master under this minion's name, data first, and returns true once it is stored.
    Example: reactor call web1 event.fire_master '{"version": "1.4.2"}' my/app/deployed`,
  args: { data: z.union([map, z.string()]).describe('what happened, as a map or a text'), tag },
  async run({ data, tag }, context) {
    await fireMinionEvent(tag, data, context)
    return true
  },
})
