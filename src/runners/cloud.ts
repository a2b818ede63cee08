// Runner `cloud`: machines made and taken away at the providers of the config, with the functions and returns of Salt's runner.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { runner } from '../functions/define.ts'
import { failedReturn } from '../functions/failed-return.ts'
import { fixed, minionId } from '../functions/guards.ts'
import type { CloudDone } from '../functions/runner-context.ts'

const instances = z
  .union([z.string(), z.array(z.string())])
  .describe('names of machines, which are the ids of their minions: a list, or one text with commas')
const guards = { instances: minionId, names: minionId }
const like = fixed('what a machine is made like')

const namesIn = (given: string | string[] | undefined, fun: string): string[] => {
  if (given === undefined)
    throw new ReactorError('bad_argument', `${fun}: which machines? Give instances: a name, or several with commas`)
  return (typeof given === 'string' ? given.split(',') : given).map(name => name.trim()).filter(Boolean)
}

export const create = runner({
  doc: `Makes machines at a provider, and returns them as {name: {id, state, private_ips, public_ips, …, deployed: true}} once their
    minions have asked to be let in. Fires salt/cloud/<name>/creating, requesting, querying, waiting_for_ssh, deploying, created.
    Of one that fails what was made is taken away again: the job has failed then, and its return says why, in which stage, and
    what is left if that could not be done; the others are made. Of a key it decides nothing: a rule on created does.
    Example: reactor run cloud.create local vm1 size=96`,
  args: {
    provider: z.string().describe('the provider, as the config names it'),
    instances,
  },
  extra: 'options',
  guards: { ...guards, provider: fixed('a provider'), options: like },
  async run({ provider, instances, options }, { clouds }) {
    return ended(await clouds.create(provider, namesIn(instances, 'cloud.create'), options))
  },
})

export const profile = runner({
  doc: `Makes machines as a profile of the config says; what is given beside goes over that. Returns and fires what cloud.create does.
    Example: reactor run cloud.profile small vm1,vm2`,
  args: {
    prof: z.string().optional().describe('the profile, as the config names it'),
    instances: instances.optional(),
    profile: z.string().optional().describe('the same as prof'),
    names: instances.optional().describe('the same as instances'),
  },
  extra: 'options',
  guards: { ...guards, prof: like, profile: like, options: like },
  async run({ prof, instances, profile, names, options }, { clouds }) {
    if ((prof !== undefined && profile !== undefined) || (instances !== undefined && names !== undefined))
      throw new ReactorError(
        'bad_argument',
        'cloud.profile: prof and profile are the same, and so are instances and names: give one of each',
      )
    const named = prof ?? profile
    if (named === undefined)
      throw new ReactorError('bad_argument', 'cloud.profile: which profile? Give prof: a name of cloud.profiles')
    return ended(await clouds.profile(named, namesIn(instances ?? names, 'cloud.profile'), options))
  },
})

export const destroy = runner({
  doc: `Takes machines away, with all that is on them, and returns {provider: {driver: {name: {…}}}}; names that no provider has stand
    in "Not Found". Fires salt/cloud/<name>/destroying and destroyed. The keys of their minions stay: a rule on destroyed deletes them.
    Example: reactor run cloud.destroy vm1,vm2`,
  args: { instances },
  guards,
  async run({ instances }, { clouds }) {
    const { destroyed, failed, missing } = await clouds.destroy(namesIn(instances, 'cloud.destroy'))
    const value = { ...destroyed, ...(missing.length > 0 ? { 'Not Found': missing } : {}) }
    if (Object.keys(failed).length === 0) return value
    throw failedReturn(sentence(failed), { ...value, ...failed })
  },
})

const asking = (doc: string, full: boolean) =>
  runner({
    doc,
    idempotent: true,
    async run(_args, { clouds }) {
      const { machines, failed } = await clouds.query(full)
      const problems = Object.values(failed)
      if (problems.length === 0) return machines
      throw failedReturn(problems.join('; '), machines)
    },
  })

export const query = asking(
  `Lists the machines of all providers, as {provider: {driver: {name: {id, state, image, size, private_ips, public_ips}}}}. A
    provider that cannot be asked fails it, and the others stand in its return. Example: reactor run cloud.query`,
  false,
)

export const full_query = asking(
  `Lists the machines of all providers with all that is known of them, the public keys of their minions too; shaped as by cloud.query.
    Example: reactor run cloud.full_query`,
  true,
)

export const list_providers = runner({
  doc: `Lists the providers of the config, as {provider: {driver: {}}}.
    Example: reactor run cloud.list_providers`,
  idempotent: true,
  run: (_args, { clouds }) => clouds.providers(),
})

export const list_profiles = runner({
  doc: `Lists the profiles of the config, as {provider: {driver: {profile: {…}}}}, without secrets.
    Example: reactor run cloud.list_profiles`,
  args: { provider: z.string().default('all').describe('only those of one provider') },
  idempotent: true,
  run: ({ provider }, { clouds }) => clouds.profiles(provider),
})

function ended({ done, failed }: CloudDone): Record<string, unknown> {
  if (Object.keys(failed).length === 0) return done
  throw failedReturn(sentence(failed), { ...done, ...failed })
}

const sentence = (failed: CloudDone['failed']): string =>
  Object.entries(failed)
    .map(([name, { Error: why, stage, left }]) => {
      const where = stage === undefined ? '' : ` (${String(stage)})`
      return `${name}${where}: ${String(why)}${left === undefined ? '' : `; left: ${String(left)}`}`
    })
    .join('\n')
