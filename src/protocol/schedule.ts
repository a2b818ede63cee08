// What is asked of the schedule worker that leads, and what it tells of entries.

/** Salt's functions over a schedule, and two more: `status` of entries as people look at them, `coming` fires of all of them. */
export const SCHEDULE_OPERATIONS = [
  'list',
  'is_enabled',
  'build_schedule_item',
  'add',
  'modify',
  'delete',
  'purge',
  'enable',
  'disable',
  'enable_job',
  'disable_job',
  'run_job',
  'skip_job',
  'postpone_job',
  'show_next_fire_time',
  'job_status',
  'save',
  'reload',
  'item',
  'status',
  'coming',
] as const
export type ScheduleOperation = (typeof SCHEDULE_OPERATIONS)[number]

/** Body of a request on `<ns>.schedule`; `args` as the operation takes them. */
export interface ScheduleRequest {
  operation: ScheduleOperation
  args: unknown[]
}

/** One entry as it stands. Times are milliseconds since the epoch. */
export interface EntryView {
  name: string
  source: string
  /** As it was given, defaults settled. */
  item: Record<string, unknown>
  enabled: boolean
  /** IANA name. */
  zone: string
  /** When it runs next; absent: at no time that is known now. */
  next?: number
  /** It does not run any more: its times are past. */
  over?: true
  /** The last run: its slot, and when it was handed over. */
  ran?: { slot: number; at: number }
  /** Slots of runs that have not ended. */
  running: number[]
  /** The last slots that were skipped one after another. */
  skipped?: { reason: string; from: number; to: number; count: number; over: boolean }
}

/** Of all entries, or of one. */
export interface ScheduleView {
  /** False: the whole schedule is held back. */
  enabled: boolean
  entries: EntryView[]
  /** Entries that are not in force, and why. */
  refused: { name: string; source: string; problem: string }[]
}

/** A slot that comes; `skipped`: it is known already that it will not run, and why. */
export interface Coming {
  name: string
  /** When it runs, milliseconds since the epoch. */
  at: number
  function: string
  tgt?: string | string[]
  skipped?: string
}

const RULE = 'schedule:'

/** How an entry is called where rules have their names: in subjects, in the ledger, as who asked. No rule can be called so. */
export const ruleOfEntry = (name: string): string => `${RULE}${name}`

/** Names a slot of an entry for good, whoever hands it over. */
export const slotId = (name: string, slot: number): string => `${name}@${new Date(slot).toISOString()}`

/** The entry and the slot that an id of an entry's rule names; undefined: it is no slot. */
export function readSlot(rule: string, id: string): { name: string; slot: number } | undefined {
  if (!rule.startsWith(RULE)) return undefined
  const name = rule.slice(RULE.length)
  const slot = id.startsWith(`${name}@`) ? Date.parse(id.slice(name.length + 1)) : Number.NaN
  return Number.isNaN(slot) ? undefined : { name, slot }
}
