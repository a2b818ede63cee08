// All of the system on one machine, each part a process of its own, and two of those that share work.
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { identityIn } from '../../src/bus/identity.ts'
import { ADMIN, CALLOUT, ISSUER } from '../../src/bus/server/identities.ts'
import { type Nats, startNats } from './nats.ts'
import { reactorProcess, type Victim } from './supervisor.ts'

export const MINIONS = ['m1', 'm2'] as const
/** Within which a minion must start a job: those of a run come to their end soon after it. */
const JOB_TIMEOUT = '20s'

export interface System {
  readonly nats: Nats
  readonly victims: readonly Victim[]
  stop(): Promise<void>
}

/** `alerts`: where the observer takes mail and requests. All lies in `dir`. */
export async function startSystem(dir: string, alerts: { smtpPort: number; httpUrl: string }): Promise<System> {
  for (const folder of ['logs', 'keys', 'rules', 'config']) await mkdir(join(dir, folder))
  await copyRules(dir)
  await cp(join(import.meta.dirname, 'modules'), join(dir, 'modules'), { recursive: true })
  const nats = await startNats(dir)
  const common = {
    servers: [nats.url],
    module_dirs: [join(dir, 'modules')],
    operators: { [nats.identities.admin]: ADMIN },
    master: {
      callout: { seed: nats.seedFile(CALLOUT), issuer: nats.seedFile(ISSUER) },
      accepted_keys: Object.fromEntries(
        await Promise.all(MINIONS.map(async id => [id, await identityIn(nats.seedFile(`minion-${id}`))] as const)),
      ),
    },
    cache: { dir: join(dir, 'cache') },
    jobs: { job_timeout: JOB_TIMEOUT, run_timeout: '30s' },
    profiles: {
      smtp: {
        observer: {
          host: '127.0.0.1',
          port: alerts.smtpPort,
          tls: 'none',
          from: 'chaos@localhost',
          to: 'ops@localhost',
        },
      },
      http: { observer: { url: alerts.httpUrl } },
    },
  }
  const process = async (name: string, words: string[], seed: string, own: Record<string, unknown> = {}) => {
    const config = join(dir, 'config', `${name}.json`)
    await writeFile(config, JSON.stringify({ ...common, ...own }))
    const args = [...words, '--config', config, '--seed', nats.seedFile(seed), '--log-level', 'debug']
    return reactorProcess(name, args, join(dir, 'logs', `${name}.log`))
  }
  const rules = ['--rules', join(dir, 'rules')]
  const master = await process('master', ['master'], 'master')
  const others = await Promise.all([
    process('cache', ['worker', 'cache'], 'cache'),
    process('jobs1', ['worker', 'jobs'], 'jobs'),
    process('jobs2', ['worker', 'jobs'], 'jobs'),
    process('react1', ['react', ...rules], 'reactor'),
    process('react2', ['react', ...rules], 'reactor'),
    ...MINIONS.map(id => process(id, ['minion'], `minion-${id}`, { minion: { id, dir: join(dir, `minion-${id}`) } })),
  ])
  const victims = [master, ...others]
  const stop = async () => {
    await Promise.all(victims.map(victim => victim.stop()))
    await nats.stop()
  }
  try {
    await master.start()
    await Promise.all(others.map(victim => victim.start()))
  } catch (error) {
    await stop()
    throw error
  }
  return { nats, victims: [nats, ...victims], stop }
}

/** The rules of the run, with its folder in the place of DIR. */
async function copyRules(dir: string): Promise<void> {
  const from = join(import.meta.dirname, 'rules')
  for (const file of await readdir(from)) {
    const text = await readFile(join(from, file), 'utf8')
    await writeFile(join(dir, 'rules', file), text.replaceAll('dir: DIR', `dir: ${JSON.stringify(dir)}`))
  }
}
