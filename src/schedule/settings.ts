// What holds for all entries of a schedule. Salt writes it among them, under names that no entry can have.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { shown } from './item.ts'
import { readSplay, type Splay, splaySchema } from './splay.ts'
import { readWindow, type Window } from './window.ts'
import { localZone, readZone } from './zone.ts'

export interface Settings {
  enabled: boolean
  /** Of entries that have none of their own. */
  splay?: Splay
  skipDuringRange?: Window
  /** Name of the function that is run in place of what `skip_during_range` skips. */
  skipFunction?: string
  /** IANA name. */
  zone: string
}

const KEYS = {
  enabled: z.boolean('must be true or false'),
  splay: splaySchema,
  skip_during_range: z.strictObject({ start: z.string(), end: z.string() }, 'must be a map of start and end'),
  skip_function: z.string('must be the name of a function'),
  timezone: z.string('must be a name such as Europe/Berlin'),
}
type Key = keyof typeof KEYS

export const isSetting = (name: string): name is Key => Object.hasOwn(KEYS, name)

/** Out of a whole schedule; one that is wrong is told to `onWrong`, and the others count. */
export function readSettings(
  schedule: Readonly<Record<string, unknown>>,
  onWrong: (name: string, error: unknown) => void,
): Settings {
  const value = <K extends Key, T>(key: K, read: (given: z.output<(typeof KEYS)[K]>) => T): T | undefined => {
    if (schedule[key] === undefined || schedule[key] === null) return undefined
    const parsed = KEYS[key].safeParse(schedule[key])
    try {
      if (parsed.success) return read(parsed.data as z.output<(typeof KEYS)[K]>)
      throw new ReactorError('bad_argument', `${parsed.error.issues[0]!.message}; got ${shown(schedule[key])}`)
    } catch (error) {
      onWrong(key, error)
      return undefined
    }
  }
  const zone = value('timezone', readZone) ?? localZone()
  const splay = value('splay', readSplay)
  const skipDuringRange = value('skip_during_range', given => readWindow(given, zone))
  const skipFunction = value('skip_function', name => name)
  return {
    enabled: value('enabled', on => on) ?? true,
    ...(splay ? { splay } : {}),
    ...(skipDuringRange ? { skipDuringRange } : {}),
    ...(skipFunction ? { skipFunction } : {}),
    zone,
  }
}
