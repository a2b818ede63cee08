// States `event`: events that a state run fires.
import { z } from 'zod'
import { state } from '../functions/define.ts'
import { chosenFacts, fireMinionEvent } from '../functions/minion-event.ts'
import type { StateContext, StateReturn } from '../functions/state-context.ts'
import { changed, unchanged, wouldChange } from '../functions/state-return.ts'

const map = z.record(z.string(), z.unknown())
const chosen = (what: string) =>
  z
    .union([z.boolean(), z.array(z.string())])
    .default(false)
    .describe(`adds ${what}: all of it, or what is named`)

const args = {
  name: z.string().min(1).describe('the tag, such as my/app/deployed'),
  data: map.nullish().describe('what happened, as a map'),
  preload: map.optional().describe('what stands beside data in the event'),
  with_grains: chosen("the minion's grains as 'grains'"),
  with_pillar: chosen("the minion's pillar as 'pillar', its secrets hidden"),
  show_changed: z.boolean().default(true).describe('the tag and the data are the changes of the state'),
}
type Args = { [K in keyof typeof args]: z.output<(typeof args)[K]> }

export const send = state({
  doc: `Fires an event under this minion's name, in each run of the states. Further arguments go into the data; where data has
    the same name, data wins. Secrets of the pillar are hidden in it.
    Example:
      my/app/deployed:
        event.send:
          - data:
              version: 1.4.2
          - onchanges:
            - file: /srv/app`,
  args,
  extra: 'kwargs',
  run: fire,
})

export const wait = state({
  doc: `Fires an event as event.send does, but only where something that it watches has changed.
    Example:
      my/app/changed:
        event.wait:
          - watch:
            - file: /srv/app`,
  args,
  extra: 'kwargs',
  run: () => unchanged(''),
  watch: fire,
})

async function fire(
  { name, data, preload, with_grains, with_pillar, show_changed, kwargs }: Args & { kwargs: Record<string, unknown> },
  context: StateContext,
): Promise<StateReturn> {
  const { pillar, grains } = context
  const given = pillar.hide({ ...kwargs, ...data })
  const changes = show_changed ? { tag: name, data: given } : {}
  if (context.test) return wouldChange('Event would have been fired', changes)
  const more = {
    ...(with_grains === false ? {} : { grains: chosenFacts(with_grains, grains) }),
    ...(with_pillar === false ? {} : { pillar: pillar.hide(chosenFacts(with_pillar, pillar.current().value)) }),
  }
  await fireMinionEvent(name, { ...more, ...given }, context, pillar.hide(preload))
  return changed('Event fired', changes)
}
