// Module `pkg`: packages of the machine, by the package manager that it has.
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'
import { detectPackages } from '../execution/packages/detect.ts'
import {
  install as doInstall,
  remove as doRemove,
  installFailed,
  lookAhead,
  type PackageTools,
} from '../execution/packages/install.ts'
import { checkPackageName } from '../execution/packages/provider.ts'
import { readSpecs } from '../execution/packages/spec.ts'
import { execution } from '../functions/define.ts'
import { fixed } from '../functions/guards.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'

const given = z.union([z.string(), z.number(), z.null()])
const name = z.string().min(1).describe('the package')
const several = z.array(z.union([z.string(), z.record(z.string(), given)])).optional()
const timeout = z
  .union([z.number(), z.string()])
  .default('1h')
  .describe('seconds, or a duration such as 30m, after which the attempt is killed')
/** They take any number of names. */
const names = 'names'
const guards = {
  name: fixed('a package'),
  pkgs: fixed('packages'),
  version: fixed('the version of a package'),
  fromrepo: fixed('a source of packages'),
  skip_verify: fixed('what decides whether packages must be signed'),
}

export const list_pkgs = execution({
  doc: `Returns a map of all installed packages to their versions; of another architecture than the machine's as name:arch.
    Example: reactor call web1 pkg.list_pkgs`,
  idempotent: true,
  async run(_args, context) {
    const { provider, limits } = tools(context)
    return Object.fromEntries((await provider.list(limits)).packages)
  },
})

export const version = execution({
  doc: `Returns the version of an installed package, empty where it is not installed; of several a map.
    Example: reactor call web1 pkg.version nginx`,
  rest: names,
  idempotent: true,
  async run({ names }, context) {
    const { provider, limits } = tools(context)
    const { packages } = await provider.list(limits)
    return eachOf(namesOf(names), name => packages.get(name) ?? '')
  },
})

export const latest_version = execution({
  doc: `Returns the version to which a package could be brought by the lists that the machine has (pkg.refresh_db), empty where it
    is as new as that, or there is none; of several a map.
    Example: reactor call web1 pkg.latest_version nginx`,
  rest: names,
  idempotent: true,
  run: ({ names }, context) => newer(names, context),
})

export const available_version = execution({
  doc: `The same as pkg.latest_version.
    Example: reactor call web1 pkg.available_version nginx`,
  rest: names,
  idempotent: true,
  run: ({ names }, context) => newer(names, context),
})

export const upgrade_available = execution({
  doc: `Tells whether there is a newer version of a package than the one that is installed.
    Example: reactor call web1 pkg.upgrade_available nginx`,
  args: { name },
  idempotent: true,
  run: async ({ name }, context) => (await newer([name], context)) !== '',
})

export const refresh_db = execution({
  doc: `Fetches the lists of packages that there are. Returns true; fails with what was said, also where only one cannot be had.
    Example: reactor call web1 pkg.refresh_db`,
  args: { timeout },
  idempotent: true,
  async run({ timeout }, context) {
    const { provider, limits } = tools(context, timeout)
    await provider.refresh(limits)
    return true
  },
})

export const install = execution({
  doc: `Installs packages, and returns a map of what has changed: {name: {old, new}}, others that came with them included.
    Example: reactor call web1 pkg.install nginx version='>=1.22' refresh=True`,
  args: {
    name: name.optional(),
    pkgs: several.describe('several packages in place of name: names, or maps of a name to its version'),
    version: given.optional().describe("the version: '1.2-3', '>=1.2,<2', '1.2.*' or latest"),
    refresh: z.boolean().default(false).describe('refresh the lists of packages first'),
    fromrepo: z.string().min(1).optional().describe('the release to take them from, such as bookworm-backports'),
    skip_verify: z.boolean().default(false).describe('takes packages that nobody has signed'),
    install_recommends: z.boolean().default(true).describe('installs what they recommend, too'),
    timeout,
  },
  guards,
  idempotent: true,
  async run({ name, pkgs, version, refresh, fromrepo, timeout, ...options }, context) {
    const used = tools(context, timeout)
    const specs = readSpecs(oneOf(name, pkgs), version, pkgs)
    const outlook = await lookAhead(specs, { refresh, fromrepo, test: false }, used)
    if (outlook.plan.problems.length > 0) throw installFailed(outlook.plan.problems)
    if (outlook.plan.targets.length === 0) return {}
    const { changes, problem } = await doInstall(outlook, { fromrepo, ...options }, used)
    if (problem !== undefined) throw installFailed([problem])
    return changes
  },
})

const gone = { name: name.optional(), pkgs: z.array(z.string()).optional().describe('several packages'), timeout }

export const remove = execution({
  doc: `Removes packages but for their configuration, and returns a map of what has changed: {name: {old, new}}.
    Example: reactor call web1 pkg.remove telnetd`,
  args: gone,
  guards: { name: guards.name, pkgs: guards.pkgs },
  idempotent: true,
  run: (args, context) => takeAway(args, false, context),
})

export const purge = execution({
  doc: `Removes packages with their configuration, and returns a map of what has changed: {name: {old, new}}.
    Example: reactor call web1 pkg.purge telnetd`,
  args: gone,
  guards: { name: guards.name, pkgs: guards.pkgs },
  idempotent: true,
  run: (args, context) => takeAway(args, true, context),
})

function tools({ config, grains, signal, onProcess }: ExecutionContext, timeout: number | string = '2m'): PackageTools {
  const limits = { timeoutMs: parseDuration(timeout), signal, onPid: onProcess }
  return { provider: detectPackages(config, grains), limits, shared: new Map() }
}

async function takeAway(
  { name, pkgs, timeout }: { name?: string | undefined; pkgs?: string[] | undefined; timeout: number | string },
  purge: boolean,
  context: ExecutionContext,
) {
  const used = tools(context, timeout)
  const before = await used.provider.list(used.limits)
  const asked = readSpecs(oneOf(name, pkgs), undefined, pkgs).map(spec => spec.name)
  const there = asked.filter(one => before.packages.has(one) || (purge && before.left.has(one)))
  if (there.length === 0) return {}
  const { changes, problem } = await doRemove(there, before, { purge }, used)
  if (problem !== undefined) throw installFailed([problem])
  return changes
}

/** Throws `bad_argument` where nothing is named. */
function oneOf(name: string | undefined, pkgs: readonly unknown[] | undefined): string {
  if (name === undefined && pkgs === undefined) throw new ReactorError('bad_argument', 'give a name, or a list pkgs')
  return name ?? ''
}

async function newer(names: unknown[], context: ExecutionContext): Promise<string | Record<string, string>> {
  const { provider, limits } = tools(context)
  const asked = namesOf(names)
  const [{ packages }, known] = await Promise.all([provider.list(limits), provider.available(asked, undefined, limits)])
  return eachOf(asked, name => {
    const { candidate = '' } = known.get(name) ?? {}
    const now = packages.get(name)
    return candidate !== '' && (now === undefined || provider.compare(candidate, now) > 0) ? candidate : ''
  })
}

/** Throws `bad_argument`. */
function namesOf(names: readonly unknown[]): string[] {
  if (names.length === 0) throw new ReactorError('bad_argument', 'give the name of a package, or several')
  return names.map(name => checkPackageName(String(name)))
}

function eachOf(names: readonly string[], of: (name: string) => string): string | Record<string, string> {
  return names.length === 1 ? of(names[0]!) : Object.fromEntries(names.map(name => [name, of(name)]))
}
