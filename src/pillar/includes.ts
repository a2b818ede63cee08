// The `include` of a pillar SLS: names, or a name with the defaults it is rendered with and the key it stands under.
import { isObject } from '../base/json.ts'
import { didYouMean } from '../base/suggest.ts'
import type { SlsSource } from '../sls/types.ts'
import { type Problem, problemOf } from './problems.ts'

export interface Include {
  /** A name or a glob. */
  sls: string
  defaults: Record<string, unknown>
  key: string | undefined
}

const OPTIONS = ['defaults', 'key']

/** What is wrong with one is a problem, and the others count. */
export function readIncludes(include: unknown, source: SlsSource, problems: Problem[]): Include[] {
  if (include === undefined || include === null) return []
  const wrong = (what: string): [] => {
    problems.push(problemOf(`Include Declaration in SLS '${source.sls}' ${what}`))
    return []
  }
  if (!Array.isArray(include)) return wrong('is not formed as a list')
  return include.flatMap((item: unknown): Include[] => {
    if (typeof item === 'string' && item !== '') return [{ sls: absolute(item, source), defaults: {}, key: undefined }]
    const entries = isObject(item) ? Object.entries(item) : []
    const [name, options] = entries[0] ?? []
    if (!name || entries.length !== 1 || !(options === null || isObject(options)))
      return wrong(`has ${JSON.stringify(item)}, which is neither a name nor one name with 'defaults' and 'key'`)
    const unknown = Object.keys(options ?? {}).find(option => !OPTIONS.includes(option))
    if (unknown !== undefined)
      return wrong(`gives '${name}' the option '${unknown}', which is not supported.${didYouMean(unknown, OPTIONS)}`)
    const { defaults = {}, key } = options ?? {}
    if (!isObject(defaults)) return wrong(`gives '${name}' defaults that are not formed as a dict`)
    if (key !== undefined && (typeof key !== 'string' || key === ''))
      return wrong(`gives '${name}' a key that is no text`)
    return [{ sls: absolute(name, source), defaults, key }]
  })
}

/** `.x` is beside the SLS that includes it, and each further dot is a folder up. */
function absolute(name: string, { sls, path }: SlsSource): string {
  const dots = /^\.+/.exec(name)?.[0].length ?? 0
  if (dots === 0) return name
  const parts = sls.split('.')
  const up = dots - (path.endsWith('/init.sls') ? 1 : 0)
  return [...parts.slice(0, Math.max(parts.length - up, 0)), name.slice(dots)].join('.')
}
