// Module `event`: fires events from the minion, in the shape in which Salt's minions fire theirs.
import { z } from 'zod'
import { execution } from '../functions/define.ts'
import { fixed } from '../functions/guards.ts'
import { chosenFacts, fireMinionEvent } from '../functions/minion-event.ts'

const tag = z.string().min(1).describe('the tag, such as my/app/deployed')
const map = z.record(z.string(), z.unknown())
const chosen = z.union([z.boolean(), z.array(z.string())]).default(false)
const NO_ENV = 'the environment of a minion may hold secrets, and does not go out: put what you need of it into data'

export const send = execution({
  doc: `Fires an event to the master under this minion's name and returns true once it is stored.
    Further name=value arguments go into the data; where data has the same name, data wins.
    Example: reactor call web1 event.send my/app/deployed '{"version": "1.4.2"}' env=prod`,
  args: {
    tag,
    data: map.nullish().describe('what happened, as a map'),
    preload: map.nullish().describe('what stands beside data in the event'),
    with_env: z
      .literal(false, NO_ENV)
      .default(false)
      .describe('only false: the environment of a minion may hold secrets'),
    with_grains: chosen.describe("adds the minion's grains as 'grains': all of them, or those named"),
    with_pillar: chosen.describe(
      "adds the minion's pillar as 'pillar', its secrets hidden: all of it, or what is named",
    ),
  },
  extra: 'kwargs',
  guards: { with_pillar: fixed('what the pillar tells') },
  async run({ tag, data, preload, with_grains, with_pillar, kwargs }, context) {
    const { grains, pillar } = context
    const more = {
      ...(with_grains === false ? {} : { grains: chosenFacts(with_grains, grains) }),
      ...(with_pillar === false ? {} : { pillar: pillar.hide(chosenFacts(with_pillar, pillar.current().value)) }),
    }
    await fireMinionEvent(tag, { ...more, ...kwargs, ...data }, context, preload ?? {})
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

export const fire = execution({
  doc: `Fires an event on the minion's own bus, data first, and returns true. It does not leave the machine: who listens there hears it,
    as 'reactor tail --node minion' does.
    Example: reactor call web1 event.fire '{"version": "1.4.2"}' my/app/deployed`,
  args: { data: map.describe('what happened, as a map'), tag },
  async run({ data, tag }, { bus }) {
    await bus.fire(tag, data)
    return true
  },
})
