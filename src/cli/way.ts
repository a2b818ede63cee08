// The way to the system: which server, which namespace, and as whom. What is given by option or environment goes before the
// context that is named, that before the `reactor up` of the folder, that before the chosen context.
import { dirname, join, resolve } from 'node:path'
import { ReactorError } from '../base/errors.ts'
import type { TlsFiles } from '../bus/tls.ts'
import { readUpFile, type UpFile } from '../up/folder.ts'
import { type Context, chosenContext, findContext, readContext } from './context/file.ts'
import { readPasswordFile } from './password.ts'

export interface ClientOptions {
  server?: string
  context?: string
  seed?: string
  passwordFile?: string
  namespace?: string
  user?: string
  dataDir?: string
  tlsCa?: string
  tlsCert?: string
  tlsKey?: string
}

export interface Way {
  servers: string[]
  namespace: string
  user: string
  login: { kind: 'key'; seed: string } | { kind: 'password'; password: string } | { kind: 'none' }
  tls: TlsFiles | undefined
  /** The name and the key belong together, as `reactor up` has written them. */
  vouched: boolean
}

/** Throws `usage`, `unreachable` where nothing is named and nothing runs here, `not_found`, `bad_config`. */
export async function findWay(options: ClientOptions, env: NodeJS.ProcessEnv = process.env): Promise<Way> {
  const { up, context } = await baseOf(options)
  const base: Partial<Context> = context ?? up ?? {}
  const server = options.server ?? base.server
  if (!server)
    throw new ReactorError(
      'unreachable',
      "no reactor is running in this folder: start one with 'reactor up', name a NATS server with --server URL, or a context with --context NAME ('reactor context add' makes one)",
    )
  const user = options.user ?? base.user
  const tls = {
    ...base.tls,
    ...given({ ca: options.tlsCa, cert: options.tlsCert, key: options.tlsKey }),
  }
  return {
    servers: server.split(','),
    namespace: options.namespace ?? base.namespace ?? 'reactor',
    user: user ?? 'admin',
    login: await loginOf(options, base, user, env),
    tls: Object.keys(tls).length > 0 ? tls : undefined,
    vouched: up !== undefined && options.seed === undefined && user === up.user,
  }
}

/** What is not given is taken from one place alone: a login belongs to its server. */
async function baseOf({ server, context, dataDir }: ClientOptions): Promise<{ up?: UpFile; context?: Context }> {
  if (context !== undefined) {
    if (dataDir !== undefined)
      throw new ReactorError('usage', '--context and --data-dir name two systems: give one of them')
    return { context: await readContext(context) }
  }
  if (server !== undefined) return {}
  let hidden: ReactorError | undefined
  const up = await findUpFile(dataDir).catch(error => {
    if (dataDir !== undefined || error.code !== 'unreadable') throw error
    // Another's reactor, beside which a context may be chosen.
    hidden = error
    return undefined
  })
  if (up) return { up }
  const name = await chosenContext()
  const chosen = name === undefined ? undefined : await findContext(name)
  if (name !== undefined && !chosen)
    throw new ReactorError(
      'not_found',
      `the chosen context '${name}' is not there any more: choose another with 'reactor context use NAME'`,
    )
  if (!chosen && hidden) throw hidden
  return chosen ? { context: chosen } : {}
}

async function loginOf(
  { seed, passwordFile }: ClientOptions,
  base: Partial<Context>,
  user: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Way['login']> {
  if (seed !== undefined && passwordFile !== undefined)
    throw new ReactorError('usage', '--seed and --password-file are two logins: give one of them')
  const password = async (): Promise<string | undefined> => {
    if (passwordFile !== undefined) return readPasswordFile(passwordFile)
    if (env.REACTOR_PASSWORD) return env.REACTOR_PASSWORD
    return base.seed === undefined && base.password_file !== undefined
      ? readPasswordFile(base.password_file)
      : undefined
  }
  if (seed !== undefined) return { kind: 'key', seed }
  const found = await password()
  if (found === undefined) return base.seed === undefined ? { kind: 'none' } : { kind: 'key', seed: base.seed }
  if (user === undefined) throw new ReactorError('usage', 'a password needs a name: give --user NAME')
  return { kind: 'password', password: found }
}

const given = (files: TlsFiles): TlsFiles =>
  Object.fromEntries(Object.entries(files).filter(([, file]) => file !== undefined))

/** The `up.json` of a data folder, or of `var/` here or in a folder above. */
export async function findUpFile(data: string | undefined): Promise<UpFile | undefined> {
  if (data !== undefined) {
    const found = await readUpFile(resolve(data))
    if (!found) throw new ReactorError('unreachable', `no reactor is running with the data folder ${resolve(data)}`)
    return found
  }
  for (let dir = process.cwd(); ; dir = dirname(dir)) {
    const found = await readUpFile(join(dir, 'var'))
    if (found || dir === dirname(dir)) return found
  }
}
