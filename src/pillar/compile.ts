// The pillar of one minion: what the top file gives it, rendered with its grains, merged. Nothing is shared between two
// compilations but the files that they read.
import type { PillarRequest } from '../functions/minion-data.ts'
import type { TargetContext } from '../protocol/target.ts'
import { renderSls } from '../sls/render.ts'
import { createTopMatcher, readTop, type TopMatches } from '../sls/top.ts'
import type { SlsSurroundings } from '../sls/types.ts'
import { createPillarCalls } from './calls.ts'
import { type Merging, mergePillar } from './merge.ts'
import { boundedProblems, type Problem, problemOf } from './problems.ts'
import { renderMatches } from './render.ts'
import { mapTexts, type PillarSecrets } from './secrets.ts'
import type { Tree } from './trees.ts'

export interface PillarConfig {
  pillar_source_merging_strategy: Merging['strategy']
  pillar_merge_lists: boolean
  pillar_safe_render_error: boolean
  pillarenv?: string | undefined
  pillarenv_from_saltenv: boolean
  env_order: readonly string[]
}

export interface PillarAsk extends PillarRequest {
  id: string
  /** As the minion has them, or had them last. */
  grains: Readonly<Record<string, unknown>>
}

export interface CompiledPillar {
  /** With marks in the place of secrets: see secrets.ts. */
  value: Record<string, unknown>
  problems: Problem[]
}

export interface PillarCompiler {
  compile(ask: PillarAsk): Promise<CompiledPillar>
  /** What the top file gives the minion: `{env: [sls]}`, globs as they stand. */
  top(ask: PillarAsk): Promise<{ matches: Record<string, string[]>; problems: Problem[] }>
}

export interface PillarCompilerParts {
  config: PillarConfig
  trees(): Promise<Tree>
  secrets: PillarSecrets
  nodegroups: TargetContext['nodegroups']
}

export function createPillarCompiler({ config, trees, secrets, nodegroups }: PillarCompilerParts): PillarCompiler {
  // A pillar does not depend on itself.
  const match = createTopMatcher({ nodegroups, pillar: false })
  const merging: Merging = { strategy: config.pillar_source_merging_strategy, lists: config.pillar_merge_lists }

  const readMatches = async (ask: PillarAsk, tree: Tree, around: Around): Promise<Matched> => {
    const { pillarenv } = around
    if (pillarenv !== undefined && !tree.envs.includes(pillarenv)) {
      const known = tree.envs.join(', ') || 'none'
      const what = `pillarenv '${pillarenv}' not found in the configured pillar environments (${known})`
      return { matches: {}, optional: new Set(), problems: [problemOf(what)] }
    }
    // Without merging, environments are kept apart.
    const saltenv = pillarenv ?? (merging.strategy === 'none' ? (ask.saltenv ?? 'base') : undefined)
    const read = await readTop(
      { envs: tree.envs, read: (sls, env) => renderFile(sls, env, tree, around) },
      { strategy: 'replace', envOrder: config.env_order, saltenv },
    )
    const matched = match(read.top, { id: ask.id, grains: around.grains }, saltenv)
    return { ...matched, problems: [...read.errors, ...matched.errors].map(text => problemOf(text)) }
  }
  const renderFile = async (sls: string, saltenv: string, tree: Tree, around: Around): Promise<unknown> => {
    const path = `${sls.replaceAll('.', '/')}.sls`
    const text = await tree.read(path, saltenv)
    if (text === undefined) return undefined
    const data = await renderSls({ path, text, sls, saltenv }, around.surroundings, { tags: secrets.tags })
    return mapTexts(data, secrets.own.unmark)
  }
  /** Of all that are compiled in the same moment. */
  const marked = new WeakMap<Tree, Tree>()
  const treeOf = async (): Promise<Tree> => {
    const tree = await trees()
    const before = marked.get(tree)
    if (before) return before
    const texts = new Map<string, Promise<string | undefined>>()
    const read: Tree['read'] = (path, saltenv) => {
      const key = `${saltenv}/${path}`
      const text = texts.get(key) ?? tree.read(path, saltenv).then(text => text && secrets.own.mark(text, path))
      texts.set(key, text)
      return text
    }
    const made = { ...tree, read }
    marked.set(tree, made)
    return made
  }
  const surround = (ask: PillarAsk, tree: Tree): Around => {
    const grains = { ...ask.grains, id: ask.id }
    const pillarenv = ask.pillarenv ?? (config.pillarenv_from_saltenv ? ask.saltenv : undefined) ?? config.pillarenv
    const pillar = ask.override ?? {}
    const saltenv = ask.saltenv ?? 'base'
    const calls = createPillarCalls(grains, pillar)
    const surroundings: SlsSurroundings = {
      load: tree.read,
      call: calls.call as SlsSurroundings['call'],
      has: calls.has,
      names: {
        grains,
        pillar,
        opts: { id: ask.id, grains, saltenv, pillarenv: pillarenv ?? null },
        minion_id: ask.id,
        pillarenv: pillarenv ?? null,
      },
    }
    return { grains, pillarenv, surroundings }
  }

  return {
    async compile(ask) {
      const tree = await treeOf()
      const around = surround(ask, tree)
      const { matches, optional, problems } = await readMatches(ask, tree, around)
      const rendered = await renderMatches(matches, {
        optional,
        tree,
        merging,
        check: secrets.check,
        include: secrets.own.include,
        render: (source, defaults) => {
          const names = { ...around.surroundings.names, ...defaults }
          return renderSls(source, { ...around.surroundings, names }, { tags: secrets.tags })
        },
      })
      const value = ask.override ? mergePillar(rendered.value, ask.override, merging) : rendered.value
      const all = [...problems, ...rendered.problems]
      return { value, problems: secrets.hide(boundedProblems(all)) }
    },
    async top(ask) {
      const tree = await treeOf()
      const { matches, problems } = await readMatches(ask, tree, surround(ask, tree))
      return { matches, problems: secrets.hide(boundedProblems(problems)) }
    },
  }
}

interface Around {
  grains: Readonly<Record<string, unknown>>
  pillarenv: string | undefined
  surroundings: SlsSurroundings
}

type Matched = Pick<TopMatches, 'matches' | 'optional'> & { problems: Problem[] }
