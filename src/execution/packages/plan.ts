// What is to be done so that packages are there as asked for: which of them, in which version.
import { didYouMean } from '../../base/suggest.ts'
import type { Limits } from '../services/provider.ts'
import type { Available, Installed, PackageProvider, Wanted } from './provider.ts'
import { fulfils, type PackageSpec } from './spec.ts'

export interface Plan {
  targets: Wanted[]
  /** Why one of them cannot be had. */
  problems: string[]
}

/** Those that are not as asked for; of `latest` only the package manager knows. */
export function notThere(
  specs: readonly PackageSpec[],
  installed: Installed,
  { compare }: PackageProvider,
): PackageSpec[] {
  return specs.filter(({ name, text }) => {
    const version = installed.packages.get(name)
    if (text === undefined) return version === undefined && !installed.provided.has(name)
    return version === undefined || text === 'latest' || !fulfils(version, text, compare)
  })
}

/** The versions to install. */
export async function planInstall(
  specs: readonly PackageSpec[],
  installed: Installed,
  provider: PackageProvider,
  from: string | undefined,
  limits: Limits,
): Promise<Plan> {
  const names = specs.map(({ name }) => name)
  const known = await provider.available(names, from, limits)
  const plan: Plan = { targets: [], problems: [] }
  for (const spec of specs) {
    const { name, text } = spec
    const available = known.get(name)
    if (!available) {
      const meant = didYouMean(name, await provider.similar(name, limits))
      plan.problems.push(`there is no package '${name}' in the lists of this machine.${meant}`)
      continue
    }
    const version = chosen(spec, available, provider)
    const current = installed.packages.get(name)
    if (
      text === 'latest' &&
      current !== undefined &&
      (version === undefined || provider.compare(version, current) <= 0)
    )
      continue
    if (text !== undefined && version === undefined)
      plan.problems.push(
        `no version of '${name}' is ${text}: there is ${[...available.versions].slice(0, 5).join(', ') || 'none'}`,
      )
    else plan.targets.push(version === undefined || text === undefined ? { name } : { name, version })
  }
  return plan
}

function chosen(
  { text }: PackageSpec,
  { candidate, versions }: Available,
  { compare }: PackageProvider,
): string | undefined {
  if (text === undefined || text === 'latest') return candidate
  const fit = versions.filter(version => fulfils(version, text, compare))
  // What the machine's preferences choose, if it fits.
  if (candidate !== undefined && fit.includes(candidate)) return candidate
  return fit.sort(compare).at(-1)
}

/** What differs, in Salt's shape. */
export function packageChanges(before: Installed, after: Installed): Record<string, { old: string; new: string }> {
  const names = new Set([...before.packages.keys(), ...after.packages.keys()])
  const changes: Record<string, { old: string; new: string }> = {}
  for (const name of [...names].sort()) {
    const [old = '', now = ''] = [before.packages.get(name), after.packages.get(name)]
    if (old !== now) changes[name] = { old, new: now }
  }
  return changes
}
