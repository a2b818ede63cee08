// What people do with a schedule, in Salt's words and with Salt's answers: the functions of the modules `schedule` on a minion
// and on the master. What they change is kept before they answer.
import { stringify } from 'yaml'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { type Book, type Change, type Source, WHOLE } from './book.ts'
import { readTime } from './entry.ts'
import { type Item, readItem } from './item.ts'
import type { Scheduler } from './scheduler.ts'
import { TIME_FORMAT, writeTime } from './strptime.ts'

export interface OperateParts<Call> {
  book: Book<Call>
  scheduler: Pick<Scheduler<Call>, 'run' | 'change' | 'next' | 'kept'>
  /** Keeps what was changed over restarts; undefined: forgets it. */
  keep(name: string, change: Change | undefined): Promise<void>
  /** As it is kept. */
  saved(): ReadonlyMap<string, Change>
  /** Puts what the book has into force. */
  apply(): void
  /** `minion` or `master`, for the words of the answers. */
  place: string
}

/** Salt's answer to a change. A failed one is a failed job. */
export interface Answer {
  result: boolean
  comment: string | string[]
  changes?: Record<string, unknown>
}

export interface ListOptions {
  show_all?: boolean
  show_disabled?: boolean
  where?: string
  return_yaml?: boolean
  offline?: boolean
}

export interface ChangeOptions {
  persist?: boolean
  test?: boolean
}

export type Operations = ReturnType<typeof createOperations>

const WHERE: Readonly<Record<string, readonly Source[]>> = { opts: ['config', 'added'], pillar: ['pillar'] }

export function createOperations<Call>({ book, scheduler, keep, saved, apply, place }: OperateParts<Call>) {
  const entryOf = (name: string) => book.entries().get(name)
  const none = (name: string, more = '.'): Answer => ({
    result: false,
    comment: `Job ${name} does not exist${more}`,
    changes: {},
  })
  const failed = (error: unknown): Answer => ({ result: false, comment: `Error: ${errorMessage(error)}`, changes: {} })
  const ofPillar = (name: string): Answer => ({
    result: false,
    comment: `Job ${name} comes from the pillar: it is changed there, and not by this module`,
    changes: {},
  })
  /** Before it answers it is kept, unless it is to end with the process, and in force. */
  const put = async (name: string, change: Change | undefined, persist = true) => {
    if (persist) await keep(name, change)
    book.change(name, change)
    apply()
  }
  /** What is left of an entry when it is taken away: of one of the config, that it is not to be. */
  const gone = (source: Source): Change | undefined => (source === 'config' ? { removed: true } : undefined)

  const list = ({ show_disabled = true, where, return_yaml = true, offline = false }: ListOptions = {}) => {
    const sources = where === undefined ? undefined : WHERE[where]
    if (where !== undefined && !sources)
      throw new ReactorError('bad_argument', `where: 'opts' or 'pillar', got '${where}'`)
    const schedule: Record<string, unknown> = {}
    const kept = saved()
    for (const [name, { source, item }] of book.entries()) {
      if (sources && !sources.includes(source)) continue
      if (!show_disabled && item.enabled === false) continue
      const isSaved = kept.get(name)?.item !== undefined
      if (offline && !isSaved) continue
      schedule[name] = return_yaml && source !== 'pillar' ? { ...item, saved: isSaved || source === 'config' } : item
    }
    if (!book.settings().enabled) schedule.enabled = false
    return return_yaml
      ? stringify({ schedule }, { sortMapEntries: true, indentSeq: false, singleQuote: true, lineWidth: 0 })
      : schedule
  }

  const addItem = async (name: string, given: unknown, { persist, test }: ChangeOptions): Promise<Answer> => {
    if (entryOf(name)) return { result: false, comment: `Job ${name} already exists in schedule.`, changes: {} }
    const { item } = book.read(name, given)
    if (test) return { result: true, comment: `Job: ${name} would be added to schedule.`, changes: {} }
    await put(name, { item }, persist)
    return { result: true, comment: `Added job: ${name} to schedule.`, changes: { [name]: 'added' } }
  }

  const removeOne = async (name: string, { persist }: ChangeOptions) => {
    await put(name, gone(givenBy(name)), persist)
  }
  /** Whether the config has it too, under what was added. */
  const givenBy = (name: string): Source => {
    const before = book.changeOf(name)
    book.change(name, undefined)
    const source = entryOf(name)?.source ?? 'added'
    book.change(name, before)
    return source
  }
  const setEnabled = async (name: string, enabled: boolean, { persist, test }: ChangeOptions): Promise<Answer> => {
    const noted = entryOf(name)
    if (!noted) return none(name)
    if (noted.source === 'pillar') return ofPillar(name)
    const word = enabled ? 'enabled' : 'disabled'
    if (test) return { result: true, comment: `Job: ${name} would be ${word} in schedule.`, changes: {} }
    const change = book.changeOf(name)
    await put(name, change.item ? { ...change, item: { ...change.item, enabled } } : { ...change, enabled }, persist)
    const comment = `${enabled ? 'Enabled' : 'Disabled'} Job ${name} in schedule.`
    return { result: true, comment, changes: { [name]: word } }
  }
  const setWhole = async (enabled: boolean, { persist, test }: ChangeOptions): Promise<Answer> => {
    const word = enabled ? 'enabled' : 'disabled'
    if (test) return { result: true, comment: `Schedule would be ${word}.`, changes: {} }
    await put(WHOLE, { enabled }, persist)
    const comment = `${enabled ? 'Enabled' : 'Disabled'} schedule on ${place}.`
    return { result: true, comment, changes: { schedule: word } }
  }
  const timeIn = (name: string, text: string, format: string | undefined) => {
    const ms = readTime(text, format, entryOf(name)!.entry.zone)
    return Math.floor(ms / 1000) * 1000
  }
  /** The slot of that second. */
  const slotAt = (name: string, ms: number): number => {
    const { times } = entryOf(name)!.entry
    const slot = times.next(ms - 1, scheduler.kept(name)?.since ?? ms)
    return slot !== undefined && slot < ms + 1000 ? slot : ms
  }

  return {
    list,
    is_enabled(name?: string) {
      if (name === undefined) return book.settings().enabled
      return entryOf(name)?.item ?? {}
    },
    build_schedule_item: (name: string, given: unknown): Item => book.read(name, given).item,
    add: (name: string, given: unknown, options: ChangeOptions = {}): Promise<Answer> =>
      addItem(name, given, options).catch(failed),
    async modify(name: string, given: Record<string, unknown>, { persist, test }: ChangeOptions = {}): Promise<Answer> {
      const noted = entryOf(name)
      if (!noted) return none(name, ' in schedule.')
      if (noted.source === 'pillar') return ofPillar(name)
      try {
        const { item } = book.read(name, modified(noted.item, readPart(given)))
        if (test) return { result: true, comment: `Job: ${name} would be modified in schedule.`, changes: {} }
        await put(name, { item }, persist)
        const changes = { [name]: { old: noted.item, new: item } }
        return { result: true, comment: `Modified job: ${name} in schedule.`, changes }
      } catch (error) {
        return failed(error)
      }
    },
    async delete(name: string, options: ChangeOptions = {}): Promise<Answer> {
      const noted = entryOf(name)
      if (!noted) return none(name)
      if (noted.source === 'pillar') return ofPillar(name)
      if (options.test) return { result: true, comment: `Job: ${name} would be deleted from schedule.`, changes: {} }
      await removeOne(name, options)
      return { result: true, comment: `Deleted Job ${name} from schedule.`, changes: { [name]: 'removed' } }
    },
    /** All but what comes from the pillar. */
    async purge(options: ChangeOptions = {}): Promise<Answer> {
      const comment: string[] = []
      const changes: Record<string, string> = {}
      for (const [name, { source }] of [...book.entries()]) {
        if (source === 'pillar') comment.push(`Job: ${name} comes from the pillar and stays.`)
        else if (options.test) comment.push(`Job: ${name} would be deleted from schedule.`)
        else {
          await removeOne(name, options)
          comment.push(`Deleted job: ${name} from schedule.`)
          changes[name] = 'removed'
        }
      }
      return { result: true, comment, changes }
    },
    enable_job: (name: string, options: ChangeOptions = {}) => setEnabled(name, true, options),
    disable_job: (name: string, options: ChangeOptions = {}) => setEnabled(name, false, options),
    enable: (options: ChangeOptions = {}) => setWhole(true, options),
    disable: (options: ChangeOptions = {}) => setWhole(false, options),
    async run_job(name: string, force = false): Promise<Answer> {
      const noted = entryOf(name)
      if (!noted) return { result: false, comment: `Job ${name} does not exist.` }
      if (!force && noted.item.enabled === false)
        return { result: false, comment: `Job ${name} is disabled: force=True runs it all the same.` }
      await scheduler.run(name)
      return { result: true, comment: `Scheduling Job ${name} on ${place}.` }
    },
    /** Whatever was changed for this process alone is kept from now on. */
    async save(): Promise<Answer> {
      const names = new Set([...book.entries().keys(), ...saved().keys(), WHOLE])
      for (const name of names) {
        const change = book.changeOf(name)
        await keep(name, Object.keys(change).length === 0 ? undefined : change)
      }
      return { result: true, comment: 'Schedule (non-pillar items) saved.' }
    },
    /** Whatever was changed for this process alone is as it is kept again. */
    reload(): Answer {
      const names = new Set([...book.entries().keys(), ...saved().keys(), WHOLE])
      for (const name of names) book.change(name, saved().get(name))
      apply()
      return { result: true, comment: [`Reloaded schedule on ${place}.`] }
    },
    async postpone_job(name: string, current: string, to: string, format?: string): Promise<Answer> {
      if (!entryOf(name)) return { result: false, comment: `Job ${name} does not exist.` }
      try {
        const skip = slotAt(name, timeIn(name, current, format))
        const extra = timeIn(name, to, format)
        await scheduler.change(name, kept => ({
          ...kept,
          skip: withOne(kept.skip, skip),
          extra: withOne(kept.extra, extra),
        }))
        return { result: true, comment: `Postponed Job ${name} in schedule.` }
      } catch (error) {
        return failed(error)
      }
    },
    async skip_job(name: string, current: string, format?: string): Promise<Answer> {
      if (!entryOf(name)) return { result: false, comment: `Job ${name} does not exist.` }
      try {
        const skip = slotAt(name, timeIn(name, current, format))
        await scheduler.change(name, kept => ({ ...kept, skip: withOne(kept.skip, skip) }))
        return { result: true, comment: `Added Skip Job ${name} in schedule.` }
      } catch (error) {
        return failed(error)
      }
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
        ...item,
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
    /** Entries that are not in force, and why. */
    refused: () => book.refused(),
    didYouMean: (name: string) => didYouMean(name, book.entries().keys()),
  }
}

const withOne = (list: readonly number[], one: number): number[] => [...new Set([...list, one])].sort((a, b) => a - b)

const TIME_KEYS = ['seconds', 'minutes', 'hours', 'days', 'every', 'when', 'cron', 'once', 'once_fmt'] as const

/** Another kind of time takes the place of the one that there was. */
function modified(item: Item, part: Partial<Item>): Record<string, unknown> {
  const isTimed = TIME_KEYS.some(key => part[key] !== undefined)
  const rest = isTimed
    ? Object.fromEntries(Object.entries(item).filter(([key]) => !TIME_KEYS.includes(key as never)))
    : item
  return { ...rest, ...part }
}

/** Some keys of an entry, checked as the whole is. */
function readPart(given: Record<string, unknown>): Partial<Item> {
  const hasFunction = ['function', 'fun', 'func'].some(key => given[key] !== undefined)
  const { function: fun, ...rest } = readItem(hasFunction ? given : { ...given, function: '-' })
  return hasFunction ? { function: fun, ...rest } : rest
}
