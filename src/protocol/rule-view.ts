// The rules in force as they are stored and told: what the keys `active` and `refused` of the bucket `rules` hold, and the
// shapes of the runner functions `rules.*` and the commands that print them. Times are milliseconds since the epoch.
import type { RuleCounts } from './reaction-view.ts'

/** The key of the activation. */
export const ACTIVE = 'active'

/** The key beside it: what the latest load of a folder has refused. */
export const REFUSED = 'refused'

/** Where a bundle came from: a folder that a reactor feeds, or a push. */
export interface ActivationSource {
  kind: 'folder' | 'push'
  /** The folder, or what was pushed. */
  name: string
  /** Who pushed it. */
  by?: string
}

/** Who has switched a rule off. */
export interface OffMark {
  by: string
  at: number
  reason?: string
}

export interface ChangeCounts {
  added: number
  changed: number
  removed: number
}

/** What of the activation before was switched to make this one. */
export interface Switched {
  to: 'on' | 'off'
  names: string[]
  by: string
  at: number
  reason?: string
}

/** The value of the key `active`. Those of older versions have `hash` and `at` alone. */
export interface Activation {
  hash: string
  /** When this bundle came into force; switching a rule on or off leaves it. */
  at: number
  from?: ActivationSource
  /** Rules that a person has switched off, by name; some may not be in the bundle (any more). */
  off?: Record<string, OffMark>
  /** How many rules it has. */
  rules?: number
  /** Against the bundle before; absent where that could not be read. */
  changes?: ChangeCounts
  /** Absent: this one brought another bundle. */
  switched?: Switched
}

/** A file of a folder that gave no rule, and why. */
export interface RefusedFile {
  /** As the `source.file` of rules. */
  file: string
  /** Rules of its last good version are in force. */
  kept: boolean
  /** The first of them; lines and columns count from 1. */
  problems: { line: number; column: number; rule?: string; message: string }[]
  /** How many there are beside these. */
  more?: number
}

/** The value of the key `refused`. */
export interface Refusal {
  /** What the folder gave all the same. Where another bundle is in force, this says nothing of it. */
  bundle: string
  folder: string
  files: RefusedFile[]
  /** How many files there are beside these. */
  more?: number
}

/** Names of rules. A rule that has only moved in its file is none of them. */
export interface RuleChanges {
  added: string[]
  changed: string[]
  removed: string[]
}

export interface RuleView {
  rule: string
  /** `off`: by its document, or by a person. */
  mode: 'live' | 'shadow' | 'off'
  /** A person has switched it off. */
  off?: OffMark
  /** It is in no bundle any more, and will be off should it come back. */
  gone?: true
  on: string[]
  /** Such as `local.service.restart → web*`. */
  do: string[]
  priority?: number
  /** Absent of one that is gone. */
  source?: { file: string; line: number }
  /** Absent: it has done nothing yet, or nobody could tell. */
  counts?: RuleCounts
  /** The same of its `on_failure`. */
  on_failure?: RuleCounts
}

/** What the reactors have still to decide on. */
export interface ReactorLag {
  /** Events that no reactor has, and those that one has in hand. */
  pending: number
  in_hand: number
  /** When the oldest of them was stored. */
  oldest?: number
}

export interface RulesView {
  /** Absent: no rules were ever in force. */
  bundle?: string
  at?: number
  from?: ActivationSource
  rules: RuleView[]
  /** Files of the folder that do not load; absent where all of them do. */
  refused?: Omit<Refusal, 'bundle'>
  lag?: ReactorLag
  /** Why counts or lag are missing. */
  missing?: string[]
}

export interface RuleShown extends RuleView {
  bundle: string
  at: number
  from?: ActivationSource
  /** As one would write it in a rule file; absent of one that is gone. */
  document?: Record<string, unknown>
  /** Its file does not load as it is now: this is what it last said. */
  refused?: RefusedFile
  /** Messages that wait: for a worker, for their next attempt, for a person. */
  pending?: { waiting: number; retrying: number; parked: number }
  missing?: string[]
}

export interface ActivationView extends Omit<Activation, 'off'> {
  /** Of the key; the highest is in force. */
  revision: number
  /** How many rules are off by a person. */
  off: number
}

export interface SwitchResult {
  to: 'on' | 'off'
  /** Those that were switched, and those that were so already. */
  switched: string[]
  unchanged: string[]
  bundle: string
}

export interface PushResult extends RuleChanges {
  bundle: string
  /** False: the same rules are in force already. */
  changes: boolean
  /** The bundle is in force; false where nothing changes, and in a dry run. */
  activated: boolean
  rules: number
  /** Those of its rules that a person has switched off. */
  off: string[]
  /** A folder whose rules were in force lately: its next change, or the start of its reactor, puts its own back. */
  folder?: string
}

/** Part of a push that is larger than a message has been stored. */
export interface PartStored {
  stored: number
  of: number
}

export interface PushRequest {
  /** Documents as `reactor check` reads them. */
  rules?: unknown[] | null | undefined
  /** The same as the base64 of their gzipped JSON; of a part, its share of that text. */
  packed?: string | null | undefined
  /** This is one of several parts of `packed`; the last one makes it whole. */
  part?: { upload: string; index: number; of: number } | null | undefined
  name: string
  dry_run: boolean
}
