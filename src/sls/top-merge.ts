// How the top files of several environments become one.
import type { Section, TopFile, TopTarget } from './top-file.ts'

/** Salt's for states, and `replace`, which is that of pillar: all sections count, and of one target what was read last. */
export type TopStrategy = 'merge' | 'same' | 'merge_all' | 'replace'

/** By environment and target. */
export type Top = ReadonlyMap<string, ReadonlyMap<string, TopTarget>>

export interface Merging {
  wanted: readonly string[]
  defaultTop: string | undefined
  all: readonly TopFile[]
}

type Merge = (tops: readonly TopFile[], merging: Merging) => Map<string, Section>

export const MERGING: Readonly<Record<TopStrategy, Merge>> = {
  /** Base says all it says; another environment's top counts for itself alone, where base says nothing of it. */
  merge(tops) {
    const top = new Map<string, Section>()
    for (const { sections } of tops.filter(isBase)) lay(top, sections)
    const ofBase = new Set(top.keys())
    for (const { saltenv, sections } of tops.filter(file => !isBase(file)))
      if (!ofBase.has(saltenv)) lay(top, only(sections, saltenv))
    return top
  },
  /** Each environment's own top counts for it, or that of default_top where it has none. */
  same(tops, { wanted, defaultTop, all }) {
    const top = new Map<string, Section>()
    for (const env of wanted) {
      const own = tops.filter(file => file.saltenv === env && file.sections.size > 0)
      const used = own.length > 0 ? own : all.filter(file => file.saltenv === defaultTop && file.sections.size > 0)
      for (const { sections } of used) lay(top, only(sections, env))
    }
    return top
  },
  /** All say all, and one target gets the SLS of each. */
  merge_all(tops) {
    const top = new Map<string, Section>()
    for (const { sections } of tops)
      lay(top, sections, (before, now) => ({
        ...now,
        type: now.type === 'compound' ? before.type : now.type,
        order: now.order || before.order,
        sls: [...new Set([...before.sls, ...now.sls])],
        ignoreMissing: before.ignoreMissing || now.ignoreMissing,
      }))
    return top
  },
  replace(tops) {
    const top = new Map<string, Section>()
    for (const { sections } of tops) lay(top, sections)
    return top
  },
}

const isBase = ({ saltenv }: TopFile) => saltenv === 'base'

const only = (sections: Map<string, Section>, env: string) =>
  new Map([...sections].filter(([saltenv]) => saltenv === env))

function lay(
  top: Map<string, Section>,
  sections: Map<string, Section>,
  both: (before: TopTarget, now: TopTarget) => TopTarget = (_before, now) => now,
): void {
  for (const [saltenv, targets] of sections) {
    const section: Section = top.get(saltenv) ?? new Map()
    top.set(saltenv, section)
    for (const [target, now] of targets) {
      const before = section.get(target)
      section.set(target, before ? both(before, now) : now)
    }
  }
}

export const sorted = (top: Map<string, Section>): Top =>
  new Map(
    [...top].map(([env, section]) => [env, new Map([...section].sort(([, one], [, two]) => one.order - two.order))]),
  )
