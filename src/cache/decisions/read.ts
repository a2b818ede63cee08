// What is asked of the tables of decisions: pages of reactions, and what each rule amounts to.
import { ReactorError } from '../../base/errors.ts'
import type { Sqlite, SqlValue } from '../../base/sqlite.ts'
import type { DecisionState, SuppressionReason } from '../../protocol/reaction.ts'
import {
  REACTION_STATES,
  type ReactionsPage,
  type ReactionsRequest,
  type RuleCounts,
} from '../../protocol/reaction-view.ts'
import { type DecisionRow, VIEW_COLUMNS, viewOf } from './tables.ts'

export const MAX_REACTIONS = 1000

export function createReactionViews(db: Sqlite) {
  const select = (where: string) =>
    db.prepare<DecisionRow>(
      `select ${VIEW_COLUMNS} from decisions where ${where} and at >= ? and at <= ? and (at < ? or row < ?)
       order by at desc, row desc limit ?`,
    )
  // One index each; a list of rules or states is one search for each of them, merged.
  const any = select('latest = 1')
  const ofState = select('latest = 1 and state = ?')
  const ofRule = select('latest = 1 and rule = ? and state = ?')
  const ofKey = db.prepare<DecisionRow>(
    `select ${VIEW_COLUMNS} from decisions where key = ? order by attempt desc, rank desc limit ?`,
  )
  const counts = db.prepare<{ rule: string; what: string; n: number }>('select rule, what, n from counts')
  const rules = db.prepare<RuleRow>('select * from rules order by rule')

  const search = (request: ReactionsRequest, limit: number): DecisionRow[] => {
    const { since = 0, until = Number.MAX_SAFE_INTEGER } = request
    const cursor = readCursor(request.before)
    // The bound lets the index be read from the cursor on.
    const range: SqlValue[] = [since, Math.min(until, cursor.at), cursor.at, cursor.row, limit]
    const states = listOf(request.state)
    const named = listOf(request.rule)
    if (named.length > 0) {
      const each = states.length > 0 ? states : REACTION_STATES
      return named.flatMap(rule => each.flatMap(state => ofRule.all(rule, state, ...range)))
    }
    return states.length > 0 ? states.flatMap(state => ofState.all(state, ...range)) : any.all(...range)
  }

  return {
    reactions(request: ReactionsRequest, maxBytes: number): ReactionsPage {
      const limit = Math.min(request.limit ?? MAX_REACTIONS, MAX_REACTIONS)
      if (request.key !== undefined) return { reactions: ofKey.all(request.key, limit).map(viewOf) }
      const found = search(request, limit + 1).sort((a, b) => b.at - a.at || b.row - a.row)
      const reactions: ReactionsPage['reactions'] = []
      let [size, last]: [number, DecisionRow | undefined] = [0, undefined]
      for (const row of found.slice(0, limit)) {
        const view = viewOf(row)
        size += Buffer.byteLength(JSON.stringify(view)) + 1
        if (size > maxBytes && last) break
        reactions.push(view)
        last = row
      }
      return found.length > reactions.length && last ? { reactions, cursor: `${last.at}.${last.row}` } : { reactions }
    },
    rules(): RuleCounts[] {
      const found = new Map<string, RuleCounts>()
      for (const row of rules.all()) found.set(row.rule, countsOf(row))
      for (const { rule, what, n } of counts.all()) {
        const of = found.get(rule)
        if (!of) continue
        const reason = what.startsWith(SUPPRESSED) ? what.slice(SUPPRESSED.length) : undefined
        if (reason === undefined) of.states[what as DecisionState] = n
        else of.suppressed[reason as SuppressionReason] = n
      }
      return [...found.values()]
    },
  }
}

const SUPPRESSED = 'suppressed:'

interface RuleRow {
  rule: string
  fired: number | null
  suppressed: number | null
  error_at: number | null
  error: string | null
}

const countsOf = ({ rule, fired, suppressed, error_at: at, error }: RuleRow): RuleCounts => ({
  rule,
  states: {},
  suppressed: {},
  ...(fired === null ? {} : { last_fired: fired }),
  ...(suppressed === null ? {} : { last_suppressed: suppressed }),
  ...(at === null || error === null ? {} : { last_error: { at, reason: error } }),
})

const listOf = <T extends string>(value: T | T[] | undefined): T[] => [...new Set([value ?? []].flat() as T[])]

const CURSOR = /^(\d+(?:\.\d+)?)\.(\d+)$/

/** Throws `bad_argument`. */
function readCursor(text: string | undefined): { at: number; row: number } {
  if (text === undefined) return { at: Number.MAX_SAFE_INTEGER, row: Number.MAX_SAFE_INTEGER }
  const found = CURSOR.exec(text)
  if (found) return { at: Number(found[1]), row: Number(found[2]) }
  throw new ReactorError('bad_argument', `'before' must be the cursor of a page, got '${text.slice(0, 80)}'`)
}
