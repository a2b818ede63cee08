// States `pkg`: packages that are installed, or are not.
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { detectPackages } from '../execution/packages/detect.ts'
import { install, lookAhead, type PackageTools, remove } from '../execution/packages/install.ts'
import { notThere } from '../execution/packages/plan.ts'
import type { Wanted } from '../execution/packages/provider.ts'
import { type PackageSpec, readSpecs, specText } from '../execution/packages/spec.ts'
import { state } from '../functions/define.ts'
import { fixed } from '../functions/guards.ts'
import type { StateContext, StateReturn } from '../functions/state-context.ts'
import { changed, failed, unchanged, wouldChange } from '../functions/state-return.ts'

const name = z.string().min(1).describe('the package, unless pkgs is given')
const given = z.union([z.string(), z.number(), z.null()])
const version = given
  .optional()
  .describe("the version: '1.2-3', '>=1.2,<2', '1.2.*' or latest; without it any, and of what is missing the newest")
const pkgs = z
  .array(z.union([z.string(), z.record(z.string(), given)]))
  .optional()
  .describe('several packages in place of name: names, or maps of a name to its version')
const timeout = z
  .union([z.number(), z.string()])
  .default('1h')
  .describe('seconds, or a duration such as 30m, after which an attempt is killed')
const where = {
  refresh: z
    .boolean()
    .optional()
    .describe('whether the lists of packages are refreshed first; without it once a run, where something is missing'),
  fromrepo: z.string().min(1).optional().describe('the release to take them from, such as bookworm-backports'),
  skip_verify: z.boolean().default(false).describe('takes packages that nobody has signed'),
  install_recommends: z.boolean().default(true).describe('installs what they recommend, too'),
}
const guards = {
  name: fixed('a package'),
  pkgs: fixed('packages'),
  version: fixed('the version of a package'),
  fromrepo: fixed('a source of packages'),
  skip_verify: fixed('what decides whether packages must be signed'),
}

export const installed = state({
  doc: `Packages are installed, in a version that fits where one is asked for. With a version it may be an older one than is there.
    Example:
      the web server:
        pkg.installed:
          - pkgs:
            - nginx: '>=1.22'
            - ssl-cert`,
  args: { name, version, pkgs, ...where, timeout },
  guards,
  idempotent: true,
  run: (args, context) => bring(readSpecs(args.name, args.version, args.pkgs), args, context),
})

export const latest = state({
  doc: `Packages are installed, in the newest version that the machine's lists have.
    Example:
      openssl:
        pkg.latest:
          - refresh: True`,
  args: { name, pkgs: z.array(z.string()).optional().describe('several packages in place of name'), ...where, timeout },
  guards: { name: guards.name, pkgs: guards.pkgs, fromrepo: guards.fromrepo, skip_verify: guards.skip_verify },
  idempotent: true,
  run: (args, context) =>
    bring(
      readSpecs(args.name, undefined, args.pkgs).map(({ name }) => ({ name, text: 'latest' })),
      args,
      context,
    ),
})

const names = z.array(z.string()).optional().describe('several packages in place of name')

export const removed = state({
  doc: `Packages are not installed; their configuration may be left.
    Example:
      telnetd:
        pkg.removed: []`,
  args: { name, pkgs: names, timeout },
  guards: { name: guards.name, pkgs: guards.pkgs },
  idempotent: true,
  run: (args, context) => takeAway('remove', args, context),
})

export const purged = state({
  doc: `Packages are not installed, and none of their configuration is left.
    Example:
      telnetd:
        pkg.purged: []`,
  args: { name, pkgs: names, timeout },
  guards: { name: guards.name, pkgs: guards.pkgs },
  idempotent: true,
  run: (args, context) => takeAway('purge', args, context),
})

function toolsOf({ config, grains, signal, onProcess, shared }: StateContext, timeout: number | string): PackageTools {
  const limits = { timeoutMs: parseDuration(timeout), signal, onPid: onProcess }
  return { provider: detectPackages(config, grains), limits, shared }
}

interface Bringing {
  refresh?: boolean | undefined
  fromrepo?: string | undefined
  skip_verify: boolean
  install_recommends: boolean
  timeout: number | string
}

async function bring(specs: PackageSpec[], args: Bringing, context: StateContext): Promise<StateReturn> {
  const tools = toolsOf(context, args.timeout)
  const { refresh, fromrepo } = args
  const outlook = await lookAhead(specs, { refresh, fromrepo, test: context.test }, tools)
  const { before, there, plan, warning } = outlook
  const more = warning === undefined ? {} : { warnings: [warning] }
  if (plan.problems.length > 0) return { ...failed(problems(plan.problems)), ...more }
  if (plan.targets.length === 0) return { ...unchanged(allThere(specs)), ...more }
  const wanted = specs.filter(({ name }) => plan.targets.some(target => target.name === name))
  const summary = wanted.map(spec => (spec.text === 'latest' ? spec.name : specText(spec))).join(', ')
  const alsoThere =
    there.length === 0
      ? []
      : [`The following packages were already installed: ${there.map(({ name }) => name).join(', ')}`]
  if (context.test) {
    const comment = [`The following packages would be installed/updated: ${summary}`, ...alsoThere].join('\n')
    return { ...wouldChange(comment, expected(plan.targets, before.packages)), ...more }
  }
  const { changes, after, problem } = await install(outlook, args, tools)
  const missing = notThere(
    // Of those the plan has the version.
    specs.map(({ name, text }) => (text === undefined || text === 'latest' ? { name } : { name, text })),
    after,
    tools.provider,
  )
  if (problem !== undefined) return { ...failed(problems([problem]), changes), ...more }
  if (missing.length > 0) {
    const comment = `The following packages failed to install/update: ${missing.map(specText).join(', ')}`
    return { ...failed(comment, changes), ...more }
  }
  const comment = [`The following packages were installed/updated: ${summary}`, ...alsoThere].join('\n')
  return { ...changed(comment, changes), ...more }
}

const problems = (all: readonly string[]): string =>
  `Problem encountered installing package(s). Additional info follows:\n\nerrors:\n${all.map(one => `    - ${one}`).join('\n')}`

function allThere(specs: readonly PackageSpec[]): string {
  if (specs.length > 0 && specs.every(({ text }) => text === 'latest'))
    return specs.length === 1
      ? `Package ${specs[0]!.name} is already up-to-date`
      : `All packages are up-to-date (${specs.map(({ name }) => name).join(', ')}).`
  const asked = specs.some(({ text }) => text !== undefined) ? ' and are at the desired version' : ''
  return `All specified packages are already installed${asked}`
}

const expected = (targets: readonly Wanted[], now: ReadonlyMap<string, string>) =>
  Object.fromEntries(
    targets.map(({ name, version = 'installed' }) => [name, { old: now.get(name) ?? '', new: version }]),
  )

async function takeAway(
  how: 'remove' | 'purge',
  args: { name: string; pkgs?: string[] | undefined; timeout: number | string },
  context: StateContext,
): Promise<StateReturn> {
  const tools = toolsOf(context, args.timeout)
  const asked = readSpecs(args.name, undefined, args.pkgs).map(({ name }) => name)
  const before = await tools.provider.list(tools.limits)
  const isThere = (name: string) => before.packages.has(name) || (how === 'purge' && before.left.has(name))
  const targets = asked.filter(isThere)
  const done = how === 'purge' ? 'purged' : 'removed'
  if (targets.length === 0) return unchanged('All specified packages are already absent')
  const absent = asked.filter(name => !isThere(name))
  const alsoAbsent = absent.length === 0 ? [] : [`The following packages were not installed: ${absent.join(', ')}.`]
  if (context.test) {
    const changes = Object.fromEntries(targets.map(name => [name, { old: before.packages.get(name) ?? '', new: '' }]))
    return wouldChange(
      [`The following packages will be ${done}: ${targets.join(', ')}.`, ...alsoAbsent].join('\n'),
      changes,
    )
  }
  const { changes, after, problem } = await remove(targets, before, { purge: how === 'purge' }, tools)
  const stayed = targets.filter(name => after.packages.has(name) || (how === 'purge' && after.left.has(name)))
  // What only its configuration was left of was no package any more.
  const cleaned = targets.filter(name => !before.packages.has(name) && !stayed.includes(name))
  const all = { ...changes, ...Object.fromEntries(cleaned.map(name => [name, { old: 'configuration', new: '' }])) }
  if (problem !== undefined || stayed.length > 0)
    return failed(
      `The following packages failed to ${how}: ${stayed.join(', ')}.${problem === undefined ? '' : `\n${problem}`}`,
      all,
    )
  const comment =
    absent.length === 0
      ? `All targeted packages were ${done}.`
      : `The following packages were ${done}: ${targets.join(', ')}.`
  return changed([comment, ...alsoAbsent].join('\n'), all)
}
