// The returners that a job is sent with: who gets its returns besides the job cache, with Salt's `ret`, `ret_config`, `ret_kwargs`.
import { isObject } from '../base/json.ts'
import { REDACTED } from '../base/redact.ts'

export interface Returning {
  /** Names of returners, joined by commas. */
  ret?: string
  /** Settings of the minion under `<ret_config>.<returner>.…` come before its others. */
  ret_config?: string
  /** Settings that come before all of the minion's own. */
  ret_kwargs?: Record<string, unknown>
}

const NAME = /^[a-z][a-z0-9_]*$/
export const RET_CONFIG = /^[A-Za-z0-9_-]+$/

/** What each field must be, and whether a value is. An empty text is what Salt's clients send where there is none. */
export const RETURNING: Readonly<Record<keyof Returning, { what: string; fits(value: unknown): boolean }>> = {
  ret: {
    what: "names of returners with commas, such as 'mysql,redis'",
    fits: value => typeof value === 'string' && returnerNames(value).every(name => NAME.test(name)),
  },
  ret_config: {
    what: "a name of letters, digits, '_' and '-'",
    fits: value => typeof value === 'string' && (value === '' || RET_CONFIG.test(value)),
  },
  ret_kwargs: { what: 'a map', fits: isObject },
}

/** Each once, in their order. */
export const returnerNames = (ret: string): string[] => [
  ...new Set(
    ret
      .split(',')
      .map(name => name.trim())
      .filter(Boolean),
  ),
]

type Given = { readonly [K in keyof Returning]?: Returning[K] | undefined }

/** Those fields alone, as they are passed on: nothing at all where no returner is named. */
export function returningOf({ ret, ret_config, ret_kwargs }: Given): Returning {
  const names = returnerNames(ret ?? '')
  if (names.length === 0) return {}
  return {
    ret: names.join(','),
    ...(ret_config ? { ret_config } : {}),
    ...(ret_kwargs && Object.keys(ret_kwargs).length > 0 ? { ret_kwargs } : {}),
  }
}

/** As events and stores have it: of settings that a job brought along the names alone, since any of them may be a secret. */
export function shownReturning(given: Given): Returning {
  const { ret_kwargs, ...rest } = returningOf(given)
  if (!ret_kwargs) return rest
  return { ...rest, ret_kwargs: Object.fromEntries(Object.keys(ret_kwargs).map(key => [key, REDACTED])) }
}

/** The same out of a map that others wrote; what is none of it is left out. */
export function readShownReturning({ ret, ret_config, ret_kwargs }: Record<string, unknown>): Returning {
  return shownReturning({
    ...(typeof ret === 'string' ? { ret } : {}),
    ...(typeof ret_config === 'string' ? { ret_config } : {}),
    ...(isObject(ret_kwargs) ? { ret_kwargs } : {}),
  })
}

/** Whether a map that others wrote has these fields as they must be, or not at all. */
export const isReturning = (value: Record<string, unknown>): boolean =>
  Object.entries(RETURNING).every(([key, { fits }]) => value[key] === undefined || fits(value[key]))

/**
 * The rights that it takes to have minions give returns to others, as functions that one may call: `returner.mysql`; with settings
 * of one's own `returner_kwargs.mysql` too, since these can name any file, any host and any login of the minion.
 */
export function returnerRights({ ret, ret_kwargs }: { ret?: unknown; ret_kwargs?: unknown }): string[] {
  const names = typeof ret === 'string' ? returnerNames(ret) : []
  const own = isObject(ret_kwargs) && Object.keys(ret_kwargs).length === 0 ? undefined : ret_kwargs
  return names.flatMap(name => [`returner.${name}`, ...(own === undefined ? [] : [`returner_kwargs.${name}`])])
}
