// The config's `roles`, read once into what they grant. An entry is a glob of functions (on any minion), a target with globs
// of functions, or one of '@runner', '@wheel', '@events', '@fire', '@jobs'.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { grantSubject } from '../protocol/grant-subject.ts'
import { ALL_GRANTS, type Grants, NO_GRANTS } from '../protocol/role.ts'
import { compileTarget, type TargetContext } from '../protocol/target.ts'

/** As the config has them: by name, a list of globs and of maps `{target or '@…': globs}`. */
export type RoleConfig = Readonly<Record<string, readonly (string | Readonly<Record<string, readonly string[]>>)[]>>
export type Roles = ReadonlyMap<string, Grants>

/** Roles that are there without a config: everything, and looking at everything. */
const BUILT_IN: Readonly<Record<string, Grants>> = {
  admin: ALL_GRANTS,
  reader: {
    ...NO_GRANTS,
    // By name: what a module gets later is not reading because its neighbours are.
    runner: [
      ...[
        'active',
        'exit_success',
        'last_run',
        'list_job',
        'list_jobs',
        'list_jobs_filter',
        'lookup_jid',
        'master',
      ].map(name => `jobs.${name}`),
      'jobs.print_job',
      ...['list_not_state', 'list_state', 'not_present', 'present', 'status', 'up', 'versions'].map(
        name => `manage.${name}`,
      ),
      ...['history', 'list', 'show'].map(name => `rules.${name}`),
      ...['full_query', 'list_profiles', 'list_providers', 'query'].map(name => `cloud.${name}`),
      'reactor.list',
      'reactions.list',
      'reactions.show',
      'sys.*',
    ],
    wheel: ['key.finger', 'key.key_str', 'key.list', 'key.list_all', 'key.name_match', 'minions.connected', 'sys.*'],
    read: ['**'],
    jobs: 'all',
  },
}

/** The roles of the config and the built-in ones. Throws `bad_config` that names the role, the entry and what was expected. */
export function readRoles(config: RoleConfig, targets: TargetContext): Roles {
  const roles = new Map<string, Grants>(Object.entries(BUILT_IN))
  for (const [role, entries] of Object.entries(config)) {
    if (Object.hasOwn(BUILT_IN, role)) throw wrong(role, 'it is built in: give yours another name')
    roles.set(role, sumGrants(entries.flatMap(entry => readEntry(role, entry, targets))))
  }
  return roles
}

/** What several roles grant together. */
export function sumGrants(all: readonly Grants[]): Grants {
  if (all.includes(ALL_GRANTS)) return ALL_GRANTS
  const [first] = all
  if (all.length === 1 && first) return first
  return {
    local: all.flatMap(({ local }) => local),
    runner: all.flatMap(({ runner }) => runner),
    wheel: all.flatMap(({ wheel }) => wheel),
    read: all.flatMap(({ read }) => read),
    fire: all.flatMap(({ fire }) => fire),
    jobs: all.some(({ jobs }) => jobs === 'all') ? 'all' : 'own',
  }
}

const KINDS = ['@runner', '@wheel', '@events', '@fire', '@jobs']
const FUNCTION_GLOB = /^(?:\*|[\w*?]+(?:\.[\w*?]+)+)$/

function readEntry(role: string, entry: RoleConfig[string][number], targets: TargetContext): Grants[] {
  if (typeof entry !== 'string') {
    const pairs = Object.entries(entry)
    if (pairs.length === 0) throw wrong(role, "an entry is an empty map: expected {'web*': [service.*]}")
    return pairs.map(([key, globs]) => readPair(role, key, globs, targets))
  }
  if (!entry.startsWith('@')) return [{ ...NO_GRANTS, local: [{ funs: functionGlobs(role, entry, [entry]) }] }]
  return [readKind(role, entry, undefined)]
}

function readPair(role: string, key: string, globs: readonly string[], targets: TargetContext): Grants {
  if (globs.length === 0) throw wrong(role, `'${key}' has an empty list: expected what it grants`)
  if (key.startsWith('@')) return readKind(role, key, globs)
  try {
    compileTarget(key, 'compound', targets)
  } catch (error) {
    throw wrong(role, `'${key}' is no target as 'reactor call -C' has it: ${errorMessage(error)}`)
  }
  return { ...NO_GRANTS, local: [{ tgt: key, funs: functionGlobs(role, key, globs) }] }
}

/** Without globs everything of that kind. */
function readKind(role: string, kind: string, globs: readonly string[] | undefined): Grants {
  switch (kind) {
    case '@runner':
      return { ...NO_GRANTS, runner: globs ? functionGlobs(role, kind, globs) : ['*'] }
    case '@wheel':
      return { ...NO_GRANTS, wheel: globs ? functionGlobs(role, kind, globs) : ['*'] }
    case '@events':
      return { ...NO_GRANTS, read: globs ? tagGlobs(role, kind, globs) : ['**'] }
    case '@fire':
      return { ...NO_GRANTS, fire: globs ? tagGlobs(role, kind, globs) : ['**'] }
    case '@jobs':
      if (globs) throw wrong(role, "'@jobs' stands alone, without a list: it is everybody's jobs")
      return { ...NO_GRANTS, runner: ['jobs.*'], jobs: 'all' }
    default:
      throw wrong(role, `'${kind}' is none of ${KINDS.join(', ')}.${didYouMean(kind, KINDS)}`)
  }
}

function functionGlobs(role: string, entry: string, globs: readonly string[]): string[] {
  const bad = globs.find(glob => !FUNCTION_GLOB.test(glob))
  if (bad === undefined) return [...globs]
  const hint = entry === bad ? `; functions on some minions only are written {'${bad}': [test.*]}` : ''
  throw wrong(
    role,
    `'${entry}': expected a glob of functions such as 'test.*' or 'service.restart', got '${bad}'${hint}`,
  )
}

function tagGlobs(role: string, entry: string, globs: readonly string[]): string[] {
  for (const glob of globs) {
    try {
      grantSubject(glob)
    } catch (error) {
      throw wrong(role, `'${entry}': ${errorMessage(error)}`)
    }
  }
  return [...globs]
}

const wrong = (role: string, what: string): ReactorError => new ReactorError('bad_config', `roles: '${role}': ${what}`)
