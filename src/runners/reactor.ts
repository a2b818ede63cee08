// Runner `reactor`, by Salt's name for looking at what the reactor has.
import { runner } from '../functions/define.ts'

export const list = runner({
  doc: `Lists the tags that rules in force want, each with the names of its rules, in the shape of Salt's list of reactors. Rules that
    are off are left out; rules.list tells more. Rules come from files (rules.push), so that there is no add or delete.
    Example: reactor run reactor.list`,
  idempotent: true,
  async run(_args, context) {
    const byTag = new Map<string, string[]>()
    for (const { rule, mode, on } of (await context.rules.list()).rules) {
      if (mode === 'off') continue
      for (const tag of on.filter(glob => !glob.startsWith('!'))) byTag.set(tag, [...(byTag.get(tag) ?? []), rule])
    }
    return [...byTag].map(([tag, rules]) => ({ [tag]: rules }))
  },
})
