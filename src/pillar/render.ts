// The SLS that the top file gives a minion, in order: each rendered, with what it includes below it, and merged.
import { errorMessage } from '../base/errors.ts'
import { canonicalJson, isObject } from '../base/json.ts'
import { expandSls } from '../sls/top.ts'
import type { SlsSource } from '../sls/types.ts'
import { readIncludes } from './includes.ts'
import { type Merging, mergePillar } from './merge.ts'
import { type Problem, problemOf } from './problems.ts'
import type { Tree } from './trees.ts'

type Data = Record<string, unknown>

export interface Rendering {
  /** `environment:sls` that may be missing. */
  optional: ReadonlySet<string>
  tree: Tree
  merging: Merging
  /** The key of the includes that a file has itself. */
  include: string
  /** Throws where a secret in it cannot be read. */
  check(data: unknown): void
  render(source: SlsSource, defaults: Data): Promise<unknown>
}

/** SLS that include each other without an end, each time with other defaults. */
const MOST_DEPTH = 50

export async function renderMatches(
  matches: Readonly<Record<string, readonly string[]>>,
  rendering: Rendering,
): Promise<{ value: Data; problems: Problem[] }> {
  const problems: Problem[] = []
  let value: Data = {}
  for (const [saltenv, given] of Object.entries(matches)) {
    const env = createEnv(saltenv, rendering, problems)
    const names = await env.expand(given, sls => rendering.optional.has(`${saltenv}:${sls}`))
    for (const sls of names) value = mergePillar(value, (await env.render(sls, {}, 0)) ?? {}, rendering.merging)
  }
  return { value, problems }
}

function createEnv(
  saltenv: string,
  { tree, merging, include: ownInclude, check, render }: Rendering,
  problems: Problem[],
) {
  /** By SLS and defaults. */
  const done = new Map<string, Data>()
  const optional = new Set<string>()

  const expand = async (given: readonly string[], mayMiss: (sls: string) => boolean): Promise<string[]> => {
    const names = new Set<string>()
    for (const pattern of given) {
      const available = /[*?[]/.test(pattern) ? await tree.names(saltenv) : []
      for (const sls of expandSls(pattern, available)) {
        names.add(sls)
        if (mayMiss(pattern)) optional.add(sls)
      }
    }
    return [...names]
  }

  const find = async (sls: string): Promise<SlsSource | undefined> => {
    const base = sls.replaceAll('.', '/')
    for (const path of [`${base}.sls`, `${base}/init.sls`]) {
      const text = await tree.read(path, saltenv)
      if (text !== undefined) return { path, text, sls, saltenv }
    }
    return undefined
  }

  /** Its own data, without its includes; undefined where it has none, or there is something wrong. */
  const own = async (sls: string, defaults: Data): Promise<{ source: SlsSource; data: Data } | undefined> => {
    try {
      const source = await find(sls)
      if (!source) {
        if (!optional.has(sls)) problems.push(problemOf(missing(sls, saltenv, tree)))
        return undefined
      }
      const data = await render(source, defaults)
      if (data === null || data === undefined || data === '') return undefined
      if (!isObject(data)) {
        problems.push(problemOf(`SLS '${sls}' does not render to a dictionary`))
        return undefined
      }
      check(data)
      return { source, data }
    } catch (error) {
      problems.push(
        problemOf(
          `Rendering SLS '${sls}' failed, render error:\n${errorMessage(error)}`,
          `Rendering SLS '${sls}' failed. Please see master log for details.`,
        ),
      )
      return undefined
    }
  }

  const renderOne = async (sls: string, defaults: Data, depth: number): Promise<Data | undefined> => {
    const key = `${sls} ${canonicalJson(defaults)}`
    const before = done.get(key)
    if (before) return before
    if (depth > MOST_DEPTH) {
      problems.push(problemOf(`SLS '${sls}' is included more than ${MOST_DEPTH} levels deep`))
      return undefined
    }
    const found = await own(sls, defaults)
    if (!found) {
      done.set(key, {})
      return undefined
    }
    const { [ownInclude]: written, include: filledIn, ...data } = found.data
    const isPlain = !/\{[{%#]/.test(found.source.text)
    if (filledIn !== undefined && !isPlain)
      problems.push(
        problemOf(
          `SLS '${sls}': an include that a template has filled in is not followed: write 'include:' at the beginning of a line`,
        ),
      )
    const include = written ?? (isPlain ? filledIn : undefined)
    // Of what includes itself again only this much is there.
    done.set(key, data)
    let below: Data | undefined
    for (const one of readIncludes(include, found.source, problems)) {
      for (const name of await expand([one.sls], () => false)) {
        const included = await renderOne(name, one.defaults, depth + 1)
        if (included) below = mergePillar(below ?? {}, nest(included, one.key), merging)
      }
    }
    // Its own values go before those of its includes.
    const whole = below ? mergePillar(below, data, merging) : data
    done.set(key, whole)
    return whole
  }
  return { expand, render: renderOne }
}

/** `x:y` puts it under `{x: {y: …}}`. */
const nest = (data: Data, key: string | undefined): Data =>
  key ? key.split(':').reduceRight((inner, part) => ({ [part]: inner }), data) : data

function missing(sls: string, saltenv: string, { envs }: Tree): string {
  if (envs.includes(saltenv))
    return `Specified SLS '${sls}' in environment '${saltenv}' is not available on the salt master`
  return (
    `Specified SLS '${sls}' in environment '${saltenv}' was not found. This could be because SLS '${sls}' is in an ` +
    `environment other than '${saltenv}', but '${saltenv}' is included in that environment's Pillar top file. It could also be ` +
    `due to environment '${saltenv}' not being defined in 'pillar_roots'.`
  )
}
