// What people do with a schedule, in Salt's words and with Salt's answers: the functions of the modules `schedule` on a minion
// and on the master. What they change is kept before they answer.
import { didYouMean } from '../base/suggest.ts'
import { createTurns } from '../base/turns.ts'
import { type Answer, failed, unknownJob } from './answer.ts'
import { type Book, type Change, type Source, WHOLE } from './book.ts'
import type { Entry } from './entry.ts'
import { type Item, readItem } from './item.ts'
import { modifiedItem, TIME_KEYS } from './modify.ts'
import { createPuttingOff } from './put-off.ts'
import type { Scheduler } from './scheduler.ts'
import { isOver, keptFor } from './timetable.ts'
import { createViews, meant, shownItem } from './views.ts'

export interface OperateParts<Call> {
  book: Book<Call>
  scheduler: Pick<Scheduler<Call>, 'run' | 'change' | 'next' | 'kept'>
  /** Keeps what was changed over restarts; undefined: forgets it. */
  keep(name: string, change: Change | undefined): Promise<void>
  /** As it is kept. */
  saved(): ReadonlyMap<string, Change>
  /** Puts what the book has into force. */
  apply(): void
  /** Milliseconds since the epoch. */
  now(): number
  /** Decides over splays, as the scheduler has it. */
  who: string
  /** `minion` or `master`, for the words of the answers. */
  place: string
}

export interface ChangeOptions {
  persist?: boolean
  test?: boolean
  /** Only an entry of `opts`, or of `pillar`. */
  where?: string | null | undefined
}

type ModifyOptions = ChangeOptions & { whole?: boolean }

export type Operations = ReturnType<typeof createOperations>

export function createOperations<Call>({ book, scheduler, keep, saved, apply, now, who, place }: OperateParts<Call>) {
  const turn = createTurns(1)
  /** One after the other: each goes by what the one before has made of the schedule. */
  const inTurn =
    <Given extends unknown[]>(change: (...given: Given) => Promise<Answer>) =>
    (...given: Given): Promise<Answer> =>
      turn(() => change(...given))
  const entryOf = (name: string) => book.entries().get(name)
  const none = (name: string, more = '.'): Answer => ({ ...unknownJob(name, more), changes: {} })
  const ofPillar = (name: string): Answer => ({
    result: false,
    comment: `Job ${name} comes from the pillar: it is changed there, and not by this module`,
    changes: {},
  })
  /** Before it answers all of it is kept, unless it is to end with the process, and in force. */
  const putAll = async (changes: ReadonlyMap<string, Change | undefined>, persist = true) => {
    if (persist) await Promise.all([...changes].map(([name, change]) => keep(name, change)))
    for (const [name, change] of changes) book.change(name, change)
    apply()
  }
  const put = (name: string, change: Change | undefined, persist?: boolean) =>
    putAll(new Map([[name, change]]), persist)
  /** What is left of an entry when it is taken away: of one of the config, that it is not to be. */
  const gone = (source: Source): Change | undefined => (source === 'config' ? { removed: true } : undefined)

  /** Salt takes an entry that never runs, and so does this; it is said. */
  const overText = (entry: Entry<Call>): string =>
    isOver(entry, keptFor(entry, now(), scheduler.kept(entry.name))) ? ' Its time is past: it will not run.' : ''

  const addItem = async (name: string, given: unknown, { persist, test }: ChangeOptions): Promise<Answer> => {
    if (entryOf(name)) return { result: false, comment: `Job ${name} already exists in schedule.`, changes: {} }
    const entry = book.read(name, given)
    const { item } = entry
    const over = overText(entry)
    if (test) return { result: true, comment: `Job: ${name} would be added to schedule.${over}`, changes: {} }
    await put(name, { item }, persist)
    return { result: true, comment: `Added job: ${name} to schedule.${over}`, changes: { [name]: 'added' } }
  }

  const modifyItem = async (
    name: string,
    given: Record<string, unknown>,
    { persist, test, whole }: ModifyOptions,
  ): Promise<Answer> => {
    const noted = entryOf(name)
    if (!noted) return none(name, ' in schedule.')
    if (noted.source === 'pillar') return ofPillar(name)
    const entry = book.read(name, whole ? given : modifiedItem(noted.item, given))
    const { item } = entry
    const over = overText(entry)
    if (test) return { result: true, comment: `Job: ${name} would be modified in schedule.${over}`, changes: {} }
    await put(name, { item }, persist)
    const changes = { [name]: { old: shownItem(noted.item), new: shownItem(item) } }
    return { result: true, comment: `Modified job: ${name} in schedule.${over}`, changes }
  }
  const remove = async (names: readonly string[], persist: boolean | undefined) => {
    // Whether the config has them too, under what was added.
    const before = names.map(name => [name, book.changeOf(name)] as const)
    for (const name of names) book.change(name, undefined)
    const left = new Map(names.map(name => [name, gone(entryOf(name)?.source ?? 'added')]))
    for (const [name, change] of before) book.change(name, change)
    await putAll(left, persist)
  }
  const setEnabled = async (name: string, enabled: boolean, options: ChangeOptions): Promise<Answer> => {
    const { persist, test, where } = options
    const noted = entryOf(name)
    if (!noted || !meant(where)(noted.source)) return none(name)
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
  return {
    ...createViews({ book, scheduler, saved }),
    ...createPuttingOff({ book, scheduler, now, who }),
    /** As it is, secrets included. */
    item: (name: string): Item | undefined => entryOf(name)?.item,
    /** As Salt's it may say no time yet. */
    build_schedule_item(name: string, given: unknown): Item {
      const item = readItem(given)
      if (item.run_on_start !== undefined || TIME_KEYS.some(key => item[key] !== undefined))
        return book.read(name, item).item
      const { run_on_start: _none, ...rest } = book.read(name, { ...item, run_on_start: true }).item
      return rest
    },
    add: inTurn((name: string, given: unknown, options: ChangeOptions = {}) =>
      addItem(name, given, options).catch(failed),
    ),
    modify: inTurn((name: string, given: Record<string, unknown>, options: ModifyOptions = {}) =>
      modifyItem(name, given, options).catch(failed),
    ),
    delete: inTurn(async (name: string, options: ChangeOptions = {}) => {
      const noted = entryOf(name)
      if (!noted || !meant(options.where)(noted.source)) return none(name)
      if (noted.source === 'pillar') return ofPillar(name)
      if (options.test) return { result: true, comment: `Job: ${name} would be deleted from schedule.`, changes: {} }
      await remove([name], options.persist)
      return { result: true, comment: `Deleted Job ${name} from schedule.`, changes: { [name]: 'removed' } }
    }),
    /** All but what comes from the pillar. */
    purge: inTurn(async (options: ChangeOptions = {}) => {
      const isMeant = meant(options.where)
      const all = [...book.entries()].filter(([, { source }]) => isMeant(source))
      const names = all.flatMap(([name, { source }]) => (source === 'pillar' ? [] : [name]))
      if (!options.test) await remove(names, options.persist)
      const done = (name: string) =>
        options.test ? `Job: ${name} would be deleted from schedule.` : `Deleted job: ${name} from schedule.`
      return {
        result: true,
        comment: all.map(([name, { source }]) =>
          source === 'pillar' ? `Job: ${name} comes from the pillar and stays.` : done(name),
        ),
        changes: options.test ? {} : Object.fromEntries(names.map(name => [name, 'removed'])),
      }
    }),
    enable_job: inTurn((name: string, options: ChangeOptions = {}) => setEnabled(name, true, options)),
    disable_job: inTurn((name: string, options: ChangeOptions = {}) => setEnabled(name, false, options)),
    enable: inTurn((options: ChangeOptions = {}) => setWhole(true, options)),
    disable: inTurn((options: ChangeOptions = {}) => setWhole(false, options)),
    async run_job(name: string, force = false): Promise<Answer> {
      const noted = entryOf(name)
      if (!noted) return unknownJob(name)
      if (!force && noted.item.enabled === false)
        return { result: false, comment: `Job ${name} is disabled: force=True runs it all the same.` }
      await scheduler.run(name)
      return { result: true, comment: `Scheduling Job ${name} on ${place}.` }
    },
    /** Whatever was changed for this process alone is kept from now on. */
    save: inTurn(async () => {
      const names = new Set([...book.entries().keys(), ...saved().keys(), WHOLE])
      for (const name of names) {
        const change = book.changeOf(name)
        await keep(name, Object.keys(change).length === 0 ? undefined : change)
      }
      return { result: true, comment: 'Schedule (non-pillar items) saved.' }
    }),
    /** Whatever was changed for this process alone is as it is kept again. */
    reload: inTurn(async () => {
      const names = new Set([...book.entries().keys(), ...saved().keys(), WHOLE])
      for (const name of names) book.change(name, saved().get(name))
      apply()
      return { result: true, comment: [`Reloaded schedule on ${place}.`] }
    }),
    /** Entries that are not in force, and why. */
    refused: () => book.refused(),
    didYouMean: (name: string) => didYouMean(name, book.entries().keys()),
  }
}
