// Says once what is wrong with a minion's pillar, and once that nothing is any more: `salt/pillar/<id>/errors`.
import { pillarErrors } from '../protocol/catalogue/data.ts'
import type { Problem } from './problems.ts'

/** Characters of one problem in an event; the log has all of it. */
const MOST_TEXT = 4000

export function createProblemTeller(fire: (tag: string, data: Record<string, unknown>) => void) {
  const told = new Map<string, string>()
  return (id: string, problems: readonly Problem[]): void => {
    const errors = problems.map(({ whole }) => whole.slice(0, MOST_TEXT))
    const now = JSON.stringify(errors)
    if (now === (told.get(id) ?? '[]')) return
    if (errors.length === 0) told.delete(id)
    else told.set(id, now)
    fire(...pillarErrors.of({ id }, { id, errors }))
  }
}
