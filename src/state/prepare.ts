// What a state run needs before it begins: a fresh pillar, the SLS that are meant, and what they compile to; or why it
// cannot begin.
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { Pillar } from '../functions/minion-data.ts'
import type { Registry } from '../functions/registry.ts'
import type { StateRefusal, StateRunOptions } from '../functions/states.ts'
import type { TargetContext } from '../protocol/target.ts'
import { surroundingsOf } from '../sls/minion.ts'
import { createTopMatcher, readTop, type TopOptions } from '../sls/top.ts'
import { createCompiler } from './compile.ts'
import type { Conditions } from './conditions.ts'
import { ownContext } from './own-context.ts'
import { partOf } from './part.ts'
import { singleState } from './single.ts'
import { createSlsReader, type SlsReader } from './sls-reader.ts'
import type { Compiled } from './types.ts'

export interface PreparationParts {
  id: string
  registry: Registry<'state'>
  execution: Registry<'execution'>
  top: Pick<TopOptions, 'strategy' | 'envOrder' | 'defaultTop'>
  targets: TargetContext
}

/** What a run knows before it compiles. */
export interface Ready {
  context: ExecutionContext
  /** Functions that conditions ask. */
  ask: Conditions['call']
  sls: SlsReader
  pillar: Pillar
  saltenv: string
}

type Matches = Record<string, readonly string[]>

/** For one job. */
export interface Preparation {
  ready(options: StateRunOptions): Promise<Ready | StateRefusal>
  /** What the top file gives this minion; refused where a part of it cannot be read. */
  matches(at: Ready, options: StateRunOptions): Promise<Record<string, string[]> | StateRefusal>
  /** Of these SLS, or of the top file; `nothing`: that has none for this minion. */
  compile(
    mods: readonly string[] | undefined,
    options: StateRunOptions,
    at: Ready,
  ): Promise<Compiled | StateRefusal | 'nothing'>
  single(fun: string, name: string, args: Record<string, unknown>, at: Ready): Promise<Compiled | StateRefusal>
}

/** Salt's return codes: of what does not begin, and of a pillar that does not render. */
const NOT_BEGUN = 1
const NO_PILLAR = 5

const PILLAR_FAILED = 'Pillar failed to render with the following messages:'

export const isRefusal = (value: unknown): value is StateRefusal => Array.isArray(value)

/** Why nothing was run; the job fails. */
export function refuse(job: ExecutionContext, lines: readonly string[], retcode = NOT_BEGUN): StateRefusal {
  job.setRetcode(retcode)
  return lines
}

export function createPreparations(parts: PreparationParts): (job: ExecutionContext) => Preparation {
  const { id, registry, execution } = parts
  const matchTop = createTopMatcher(parts.targets)

  return job => {
    const checked = (compiled: Compiled): Compiled | StateRefusal =>
      compiled.errors.length > 0 ? refuse(job, compiled.errors) : compiled

    const preparation: Preparation = {
      async ready(options) {
        const { saltenv, pillarenv, pillar: override } = options
        const pillar = await job.pillar.compile({
          ...(override ? { override } : {}),
          ...(pillarenv === undefined ? {} : { pillarenv }),
          ...(saltenv === undefined ? {} : { saltenv }),
        })
        if (pillar.errors.length > 0) return refuse(job, [PILLAR_FAILED, ...pillar.errors], NO_PILLAR)
        const { context, ask } = ownContext(job, execution, pillar)
        const around = surroundingsOf(context)
        const opts = { test: options.test ?? false, saltenv: saltenv ?? null, pillarenv: pillarenv ?? null }
        const names = { ...around.names, opts: { ...(around.names.opts as object), ...opts } }
        const { files } = context
        const list = async (env: string) => ((await files.envs()).includes(env) ? files.list(env) : undefined)
        const sls = createSlsReader({ ...around, names }, list)
        return { context, ask, pillar, sls, saltenv: saltenv ?? 'base' }
      },
      async matches({ context, sls, pillar }, { saltenv }) {
        const only = saltenv === undefined ? {} : { saltenv }
        const files = {
          envs: await context.files.envs(),
          read: async (name: string, env: string) => (await sls.renderSls(name, env))?.data,
        }
        const { top, errors } = await readTop(files, { ...parts.top, ...only })
        const found = matchTop(top, { id, grains: context.grains, pillar: pillar.value }, saltenv)
        const wrong = [...errors, ...found.errors]
        if (wrong.length > 0) return refuse(job, wrong)
        if (found.optional.size === 0) return found.matches
        return withoutMissing(found.matches, found.optional, sls)
      },
      async compile(mods, options, at) {
        const matches: Matches | StateRefusal = mods ? { [at.saltenv]: mods } : await preparation.matches(at, options)
        if (isRefusal(matches)) return matches
        if (Object.keys(matches).length === 0) return 'nothing'
        const { id: wanted, exclude } = options
        const compiler = createCompiler({ ...at.sls, functions: registry })
        const compiled = checked(await compiler.compile(matches, exclude ? { exclude } : {}))
        if (wanted === undefined || isRefusal(compiled)) return compiled
        const part = partOf(compiled, wanted)
        return part.chunks.length > 0 ? part : refuse(job, [noSuchId(wanted, mods, at.saltenv)])
      },
      async single(fun, name, args, { saltenv }) {
        const compiler = createCompiler({
          renderSls: async () => ({ data: singleState(fun, name, args), path: '' }),
          listSls: async () => [],
          functions: registry,
        })
        return checked(await compiler.compile({ [saltenv]: ['single'] }))
      },
    }
    return preparation
  }
}

const noSuchId = (id: string, mods: readonly string[] = [], saltenv: string): string =>
  `No matches for ID '${id}' found in SLS '${mods.join(',')}' within saltenv '${saltenv}'`

/** Without those that may be missing and are. */
async function withoutMissing(matches: Record<string, string[]>, optional: ReadonlySet<string>, sls: SlsReader) {
  const kept: Record<string, string[]> = {}
  for (const [saltenv, names] of Object.entries(matches)) {
    const there = names.some(name => optional.has(`${saltenv}:${name}`)) ? await sls.listSls(saltenv) : undefined
    kept[saltenv] = there ? names.filter(name => !optional.has(`${saltenv}:${name}`) || there.includes(name)) : names
  }
  return kept
}
