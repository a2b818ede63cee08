// What people see of a schedule, in Salt's words: its entries, when they run next, and how they have run.
import { stringify } from 'yaml'
import { ReactorError } from '../base/errors.ts'
import { redactSecrets } from '../base/redact.ts'
import { shownReturning } from '../protocol/returning.ts'
import { type Book, type Change, type Source, WHOLE } from './book.ts'
import type { Item } from './item.ts'
import type { Scheduler } from './scheduler.ts'
import { TIME_FORMAT, writeTime } from './strptime.ts'

export interface ViewParts<Call> {
  book: Book<Call>
  scheduler: Pick<Scheduler<Call>, 'next' | 'kept'>
  /** What people made of entries, as it is kept. */
  saved(): ReadonlyMap<string, Change>
}

export interface ListOptions {
  show_disabled?: boolean
  where?: string | null | undefined
  return_yaml?: boolean
  offline?: boolean
}

const WHERE: Readonly<Record<string, readonly Source[]>> = { opts: ['config', 'added'], pillar: ['pillar'] }

export function createViews<Call>({ book, scheduler, saved }: ViewParts<Call>) {
  const entryOf = (name: string) => book.entries().get(name)
  return {
    list({ show_disabled = true, where, return_yaml = true, offline = false }: ListOptions = {}) {
      const isMeant = meant(where)
      const schedule: Record<string, unknown> = {}
      const kept = saved()
      for (const [name, { source, item }] of book.entries()) {
        if (!isMeant(source) || (!show_disabled && item.enabled === false)) continue
        const isSaved = kept.get(name)?.item !== undefined
        if (offline && !isSaved) continue
        const shown = shownItem(item)
        schedule[name] =
          return_yaml && source !== 'pillar' ? { ...shown, saved: isSaved || source === 'config' } : shown
      }
      for (const { name, source, problem } of book.refused())
        if (isMeant(source) && !offline && !Object.hasOwn(schedule, name)) schedule[name] = { _error: problem }
      // As in Salt it is there once somebody has said it.
      const { enabled } = book.settings()
      if (!enabled || book.changeOf(WHOLE).enabled !== undefined) schedule.enabled = enabled
      return return_yaml
        ? stringify({ schedule }, { sortMapEntries: true, indentSeq: false, singleQuote: true, lineWidth: 0 })
        : schedule
    },
    is_enabled(name?: string) {
      if (name === undefined) return book.settings().enabled
      const item = entryOf(name)?.item
      return item ? shownItem(item) : {}
    },
    show_next_fire_time(name: string, format = TIME_FORMAT) {
      const next = scheduler.next(name)
      const zone = entryOf(name)?.entry.zone ?? 'UTC'
      return { result: true, next_fire_time: next === undefined ? null : writeTime(next, format, zone) }
    },
    job_status(name: string, format = TIME_FORMAT): Record<string, unknown> {
      const noted = entryOf(name)
      if (!noted) return {}
      const { entry, item, source } = noted
      const at = (ms: number | undefined) => (ms === undefined ? {} : writeTime(ms, format, entry.zone))
      const { ran, skipped, running, extra, skip } = scheduler.kept(name) ?? {}
      const next = scheduler.next(name)
      return {
        ...shownItem(item),
        _source: source,
        ...(next === undefined ? {} : { _next_fire_time: at(next) }),
        ...(ran ? { _last_run: at(ran.at) } : {}),
        ...(running?.length ? { _running: running.map(at) } : {}),
        ...(extra?.length ? { run_explicit: extra.map(at) } : {}),
        ...(skip?.length ? { skip_explicit: skip.map(at) } : {}),
        ...(skipped
          ? {
              _skipped: !skipped.over,
              _skip_reason: skipped.reason,
              _skipped_time: at(skipped.to),
              _skipped_count: skipped.count,
            }
          : {}),
      }
    },
  }
}

/** Whether entries of a source are asked for; all, where nothing is said. Throws `bad_argument`. */
export function meant(where: string | null | undefined): (source: Source) => boolean {
  if (where === undefined || where === null) return () => true
  const sources = Object.hasOwn(WHERE, where) ? WHERE[where] : undefined
  if (!sources) throw new ReactorError('bad_argument', `where: 'opts' or 'pillar', got '${where}'`)
  return source => sources.includes(source)
}

/** Without secrets; of settings for returners the names alone, since any of them may be one. */
export function shownItem(item: Item): Item {
  const shown = redactSecrets(item) as Item
  const { ret_kwargs: return_kwargs } = shownReturning({ ret: '-', ret_kwargs: item.return_kwargs })
  return return_kwargs ? { ...shown, return_kwargs } : shown
}
