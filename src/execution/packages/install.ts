// Installs and removes packages for the module and the states `pkg`, and says what has changed. The lists of what there is are
// refreshed at most once for those who share a note of it.
import { errorMessage, ReactorError } from '../../base/errors.ts'
import type { Limits } from '../services/provider.ts'
import { notThere, type Plan, packageChanges, planInstall } from './plan.ts'
import type { Installed, InstallOptions, PackageProvider } from './provider.ts'
import type { PackageSpec } from './spec.ts'

export interface PackageTools {
  provider: PackageProvider
  limits: Limits
  /** What a run shares: under `REFRESHED`, that the lists are fresh. */
  shared: Map<string, unknown>
}

const REFRESHED = 'pkg.refreshed'

/** True: always, and its failure is the caller's; false: never; undefined: where it is of use, and a failure is a warning. */
export type Refresh = boolean | undefined

/** Once for all who share; its warning, if there is one. */
export async function refreshOnce(
  { provider, limits, shared }: PackageTools,
  refresh: Refresh,
): Promise<string | undefined> {
  if (refresh === false || shared.get(REFRESHED) === true) return undefined
  try {
    await provider.refresh(limits)
    shared.set(REFRESHED, true)
    return undefined
  } catch (error) {
    if (refresh) throw error
    return `The lists of packages could not be refreshed: ${errorMessage(error)}`
  }
}

export interface Outlook {
  before: Installed
  /** Those that are as asked for. */
  there: PackageSpec[]
  plan: Plan
  warning?: string
}

/** What is to be installed; where nothing can be, nothing is refreshed. */
export async function lookAhead(
  specs: readonly PackageSpec[],
  { refresh, fromrepo, test }: { refresh: Refresh; fromrepo: string | undefined; test: boolean },
  tools: PackageTools,
): Promise<Outlook> {
  const { provider, limits } = tools
  const before = await provider.list(limits)
  const open = notThere(specs, before, provider)
  const isWanted = refresh === true || (open.length > 0 && !test)
  const warning = isWanted ? await refreshOnce(tools, refresh) : undefined
  const plan = await planInstall(open, before, provider, fromrepo, limits)
  const planned = new Set(open.map(({ name }) => name))
  const idle = open.filter(({ name }) => !plan.targets.some(one => one.name === name) && plan.problems.length === 0)
  return {
    before,
    there: [...specs.filter(({ name }) => !planned.has(name)), ...idle],
    plan,
    ...(warning === undefined ? {} : { warning }),
  }
}

export interface Done {
  changes: Record<string, { old: string; new: string }>
  after: Installed
  /** Why it failed. */
  problem?: string
}

/** Whatever came of it, what has changed is said. */
export async function install({ before, plan }: Outlook, options: InstallOptions, tools: PackageTools): Promise<Done> {
  const { provider, limits } = tools
  return doing(before, tools, () => provider.install(plan.targets, options, limits))
}

export async function remove(
  names: readonly string[],
  before: Installed,
  options: { purge: boolean },
  tools: PackageTools,
): Promise<Done> {
  return doing(before, tools, () => tools.provider.remove(names, options, tools.limits))
}

async function doing(before: Installed, { provider, limits }: PackageTools, act: () => Promise<void>): Promise<Done> {
  const problem = await act().then(() => undefined, errorMessage)
  const after = await provider.list(limits)
  return { changes: packageChanges(before, after), after, ...(problem === undefined ? {} : { problem }) }
}

export const installFailed = (problems: readonly string[]): ReactorError =>
  new ReactorError('function_failed', problems.join('; '))
