// A returner that ships with the program, opened as a process opens it; closed when the test has ended.
import { onTestFinished } from 'vitest'
import type { Profiles } from '../../src/functions/context.ts'
import type { ReturnerStore } from '../../src/functions/define-returner.ts'
import { findReturners } from '../../src/returner/load.ts'
import { createStores } from '../../src/returner/open.ts'
import { keptLog } from '../helpers/core.ts'

export type Writer = Required<Pick<ReturnerStore, 'returner' | 'event_return' | 'close'>>

/** `settings` without the returner's name before them. Throws `bad_config`. */
export async function opened(
  name: string,
  settings: Record<string, unknown>,
  profiles: { smtp?: Profiles; http?: Profiles } = {},
): Promise<Writer> {
  const { log } = keptLog()
  const stores = createStores({
    returners: await findReturners(),
    settings: Object.fromEntries(Object.entries(settings).map(([key, value]) => [`${name}.${key}`, value])),
    ...{ log, id: 'test', profiles: { smtp: {}, http: {}, ...profiles } },
  })
  onTestFinished(() => stores.close())
  return (await stores.open(name)) as Writer
}
