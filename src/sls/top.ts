// Top files: which SLS of which environment are for a minion. The tops of all environments are merged into one, as Salt's
// strategies say, and its targets are asked for the minion.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import { type CompiledTarget, compileTarget, type TargetContext, type TargetMinion } from '../protocol/target.ts'
import { includesOf, readSections, type TopFile } from './top-file.ts'
import { MERGING, sorted, type Top, type TopStrategy } from './top-merge.ts'

export type { Top, TopStrategy }

export interface TopFiles {
  /** The environments that there are. */
  envs: readonly string[]
  /** What an SLS renders to, `top` first of all; undefined: there is no such file. What it throws is one of `errors`. */
  read(sls: string, saltenv: string): Promise<unknown>
}

export interface TopOptions {
  strategy: TopStrategy
  /** Only these environments, and in this order; without any: base first, then as they are configured. */
  envOrder?: readonly string[] | undefined
  /** Whose top file stands in for a missing one, where the strategy is `same`. */
  defaultTop?: string | undefined
  /** Only this environment. */
  saltenv?: string | undefined
}

export interface TopMatches {
  /** SLS names and globs by environment, in the order in which they count, each once. */
  matches: Record<string, string[]>
  /** `environment:sls` of those that may be missing. */
  optional: ReadonlySet<string>
  errors: string[]
}

/** The environments in the order in which their tops count. */
export function orderEnvs(envs: readonly string[], envOrder: readonly string[] = []): string[] {
  if (envOrder.length > 0) return [...new Set(envOrder)].filter(env => envs.includes(env))
  return [...new Set(['base', ...envs])].filter(env => envs.includes(env))
}

/** Reads the tops and merges them; what is wrong with one is said, and the rest counts. Throws `bad_config`. */
export async function readTop(files: TopFiles, options: TopOptions): Promise<{ top: Top; errors: string[] }> {
  const { strategy, envOrder, defaultTop, saltenv } = options
  if (strategy === 'same' && !defaultTop && !saltenv)
    throw new ReactorError(
      'bad_config',
      'top_file_merging_strategy set to same, but no default_top configuration option was set',
    )
  const errors: string[] = []
  const tops: TopFile[] = []
  const wanted = saltenv === undefined ? orderEnvs(files.envs, envOrder) : [saltenv]
  // The one that stands in for others is read even where only one environment is asked for.
  const spare = strategy === 'same' && defaultTop && !wanted.includes(defaultTop) ? [defaultTop] : []
  for (const env of [...wanted, ...spare]) tops.push(...(await readEnv(env, files, errors)))
  const top = MERGING[strategy](
    tops.filter(file => wanted.includes(file.saltenv)),
    { wanted, defaultTop, all: tops },
  )
  return { top: sorted(top), errors }
}

async function readEnv(saltenv: string, files: TopFiles, errors: string[]): Promise<TopFile[]> {
  const found: TopFile[] = []
  const done = new Set<string>()
  for (const queue = ['top']; queue.length > 0; ) {
    const sls = queue.shift()!
    if (done.has(sls)) continue
    done.add(sls)
    try {
      const data = await files.read(sls, saltenv)
      if (data === undefined) {
        if (sls !== 'top') errors.push(`Top file of environment '${saltenv}' includes '${sls}', which is not there`)
        continue
      }
      // An empty file has nothing to say.
      if (data === null || data === '') continue
      if (!isObject(data)) {
        errors.push(`Top data was not formed as a dict (${sls} in environment '${saltenv}')`)
        continue
      }
      const { include, ...sections } = data
      queue.push(...includesOf(include, sls, saltenv, errors))
      found.push({ saltenv, sections: readSections(sections, errors) })
    } catch (error) {
      const what = sls === 'top' ? 'Primary Top file' : `Top file ${sls}`
      errors.push(`Rendering ${what} of environment '${saltenv}' failed, render error:\n${errorMessage(error)}`)
    }
  }
  return found
}

/** Compiled targets are few; a top file that makes new ones for every minion does not fill the memory. */
const MOST_COMPILED = 1000

/** Asks a top's targets for minions. A target that is malformed is an error that names it, and matches nobody. */
export function createTopMatcher(context: TargetContext) {
  const compiled = new Map<string, CompiledTarget>()
  const compile = (target: string, type: string): CompiledTarget => {
    const key = `${type} ${target}`
    const known = compiled.get(key)
    if (known) return known
    const made = compileTarget(target, type, context)
    if (compiled.size >= MOST_COMPILED) compiled.clear()
    compiled.set(key, made)
    return made
  }
  return (top: Top, minion: TargetMinion, saltenv?: string): TopMatches => {
    const matches = new Map<string, string[]>()
    const optional = new Set<string>()
    const errors: string[] = []
    for (const [env, targets] of top) {
      if (saltenv !== undefined && env !== saltenv) continue
      for (const { target, type, sls, ignoreMissing } of targets.values()) {
        try {
          if (!compile(target, type).matches(minion)) continue
        } catch (error) {
          errors.push(`Top file of environment '${env}', target '${target}': ${errorMessage(error)}`)
          continue
        }
        const before = matches.get(env) ?? []
        matches.set(env, [...new Set([...before, ...sls])])
        if (ignoreMissing) for (const name of sls) optional.add(`${env}:${name}`)
      }
    }
    return { matches: Object.fromEntries(matches), optional, errors }
  }
}

/** The SLS names that a name or glob of a top file or an include means; itself where there is none, so that its lack is said. */
export function expandSls(pattern: string, available: readonly string[]): string[] {
  if (!/[*?[]/.test(pattern)) return [pattern]
  const found = available.filter(createFnmatch(pattern))
  return found.length > 0 ? found : [pattern]
}

/** The SLS names of files: `web/nginx.sls` is `web.nginx`, `web/init.sls` is `web`. */
export function availableSls(paths: readonly string[]): string[] {
  const names = paths.filter(path => path.endsWith('.sls')).map(path => path.slice(0, -4).replace(/\/init$/, ''))
  return [...new Set(names.map(name => name.replaceAll('/', '.')))].sort()
}
