// All SLS of a run and what they include, each once, merged into one: Salt's render_state and render_highstate.
import { asReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import { absoluteSls, isPattern } from './names.ts'
import { type Exclusion, type Inclusion, modulesOf, readSls, type Sls, type SlsName } from './read-sls.ts'
import type { Body } from './types.ts'

export interface SlsSources {
  /** Undefined: there is no such SLS. Throws where it does not render. */
  renderSls(sls: string, saltenv: string): Promise<{ data: unknown; path: string } | undefined>
  /** The names of all SLS of an environment; undefined: there is no such environment. */
  listSls(saltenv: string): Promise<readonly string[] | undefined>
}

export interface Gathered {
  declared: Map<string, Body>
  extended: Sls['extended']
  excluded: Exclusion[]
}

/** What is declared gets its place among all others there. */
const FIRST_ORDER = 10_000

/** `matches`: by environment, the SLS to begin with, or patterns of them. What is wrong is pushed to `errors`. */
export async function gather(
  sources: SlsSources,
  matches: Readonly<Record<string, readonly string[]>>,
  errors: string[],
): Promise<Gathered> {
  const gathered: Gathered = { declared: new Map(), extended: [], excluded: [] }
  const includers = new Map<string, Set<string>>()
  const seen = new Set<string>()
  let order = FIRST_ORDER

  const render = async (of: SlsName, missing: () => Promise<string>) => {
    try {
      const rendered = await sources.renderSls(of.sls, of.saltenv)
      if (!rendered) errors.push(await missing())
      return rendered
    } catch (error) {
      errors.push(`Rendering SLS '${of.saltenv}:${of.sls}' failed: ${asReactorError(error).message}`)
      return undefined
    }
  }

  /** An SLS is ordered behind what it includes. */
  const visit = async (of: SlsName, missing: () => Promise<string>): Promise<void> => {
    const key = `${of.saltenv}:${of.sls}`
    if (seen.has(key)) return
    seen.add(key)
    const rendered = await render(of, missing)
    if (!rendered) return
    const read = readSls(rendered.data, of, errors)
    merge(gathered, read, errors)
    for (const inclusion of read.included) await include(inclusion, of, rendered.path)
    for (const body of read.declared.values())
      for (const [, args] of modulesOf(body))
        if (!args.some(arg => typeof arg !== 'string' && Object.hasOwn(arg, 'order'))) args.push({ order: order++ })
  }

  const include = async ({ sls, saltenv }: Inclusion, by: SlsName, path: string): Promise<void> => {
    const env = saltenv ?? by.saltenv
    const place = `SLS '${by.saltenv}:${by.sls}'`
    if (saltenv !== undefined && saltenv !== by.saltenv && !(await sources.listSls(saltenv))) {
      errors.push(`Nonexistent saltenv '${saltenv}' found in include of '${sls}' within ${place}`)
      return
    }
    const name = absoluteSls(sls, by.sls, path)
    if (name === undefined) {
      errors.push(`Attempted relative include of '${sls}' within ${place} goes beyond top level package`)
      return
    }
    for (const target of await matching(sources, name, env)) {
      const set = includers.get(target) ?? new Set()
      includers.set(target, set.add(by.sls))
      await visit(
        { sls: target, saltenv: env },
        async () =>
          `Unknown include: Specified SLS ${env}: ${target} is not available on the salt master in saltenv(s): ${env}, ` +
          `as ${place} includes it.${didYouMean(target, (await sources.listSls(env)) ?? [])}`,
      )
    }
  }

  for (const [saltenv, names] of Object.entries(matches))
    for (const name of names)
      for (const sls of await matching(sources, name, saltenv))
        await visit({ sls, saltenv }, async () => {
          const known = await sources.listSls(saltenv)
          if (!known) return `No matching salt environment for environment '${saltenv}' found`
          return `No matching sls found for '${sls}' in env '${saltenv}'${didYouMean(sls, known).replace(/^ /, '. ')}`
        })
  const from = new Map([...includers.keys()].map(sls => [sls, reach(includers, sls)]))
  for (const body of gathered.declared.values()) {
    const including = from.get(body.__sls__)
    if (including) body.__sls_included_from__ = including
  }
  return gathered
}

/** The SLS that a pattern stands for. One that stands for none is left as it is, to be found missing. */
async function matching(sources: SlsSources, name: string, saltenv: string): Promise<readonly string[]> {
  if (!isPattern(name)) return [name]
  const found = ((await sources.listSls(saltenv)) ?? []).filter(createFnmatch(name))
  return found.length > 0 ? found : [name]
}

function merge(all: Gathered, { declared, extended, excluded }: Sls, errors: string[]): void {
  all.extended.push(...extended)
  all.excluded.push(...excluded)
  for (const [id, body] of declared) {
    const other = all.declared.get(id)
    if (!other) all.declared.set(id, body)
    else
      errors.push(
        `Detected conflicting IDs, SLS IDs need to be globally unique.\n    The conflicting ID is '${id}' and is found in ` +
          `SLS '${other.__env__}:${other.__sls__}' and SLS '${body.__env__}:${body.__sls__}'`,
      )
  }
}

/** All that include an SLS, however far away: whoever requires one of them requires it too. */
function reach(includers: ReadonlyMap<string, ReadonlySet<string>>, sls: string): string[] {
  const found = new Set<string>()
  const open = [sls]
  for (let at = open.pop(); at !== undefined; at = open.pop())
    for (const by of includers.get(at) ?? [])
      if (by !== sls && !found.has(by)) {
        found.add(by)
        open.push(by)
      }
  return [...found]
}
