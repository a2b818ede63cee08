// The folder of fetched nats-servers: its place, the names in it, and how a fetched archive becomes a binary there.
// Several processes may fetch at once: each works in a folder of its own and the last step is a rename.
import { chmod, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { makeFolder } from '../../base/folder.ts'
import { runProgram } from './program.ts'
import { FETCHED_SERVER, parseServerVersion, requireServerVersion } from './version.ts'

/** Names as the releases use them: `linux` or `darwin`, `amd64` or `arm64`. */
export interface Platform {
  os: string
  arch: string
}

export interface Fetching {
  env: NodeJS.ProcessEnv
  cacheDir: string
  platform: Platform
}

const WORK_PREFIX = '.fetch-'
const ABANDONED_MS = 3_600_000
const VERSION_TIMEOUT_MS = 10_000
const UNPACK_TIMEOUT_MS = 60_000

export function currentPlatform(): Platform {
  return { os: process.platform, arch: process.arch === 'x64' ? 'amd64' : process.arch }
}

/** `$REACTOR_CACHE`, else `reactor` in `$XDG_CACHE_HOME`, else `~/.cache/reactor`. */
export function defaultCacheDir(env: NodeJS.ProcessEnv): string {
  if (env.REACTOR_CACHE) return env.REACTOR_CACHE
  // The XDG standard says that a relative value is to be ignored.
  const base = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : undefined
  return join(base ?? join(env.HOME || homedir(), '.cache'), 'reactor')
}

export function cachedPath({ cacheDir, platform }: Omit<Fetching, 'env'>): string {
  return join(cacheDir, `nats-server-${FETCHED_SERVER}-${platform.os}-${platform.arch}`)
}

/** The version that a binary says it has. Throws `server_missing` where it does not run or is no nats-server. */
export async function versionOf(binary: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { failure, stdout, stderr } = await runProgram(binary, ['--version'], { env, timeoutMs: VERSION_TIMEOUT_MS })
  if (failure !== undefined) throw new ReactorError('server_missing', `${binary} does not run: ${failure}`)
  const version = /nats-server/.test(stdout + stderr) ? parseServerVersion(stdout + stderr) : undefined
  if (version === undefined) throw new ReactorError('server_missing', `${binary} is no nats-server`)
  return version
}

/** Runs `work` with a fresh folder inside the cache, which is removed afterwards. Throws `unwritable`. */
export async function inWorkFolder<T>(cacheDir: string, work: (folder: string) => Promise<T>): Promise<T> {
  let folder: string
  try {
    await makeFolder(cacheDir, 0o755)
    await removeAbandoned(cacheDir)
    folder = await mkdtemp(join(cacheDir, WORK_PREFIX))
  } catch (error) {
    throw new ReactorError('unwritable', `the cache folder ${cacheDir} cannot be written: ${errorMessage(error)}`)
  }
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function removeAbandoned(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith(WORK_PREFIX)) continue
    const folder = join(cacheDir, name)
    const age = await stat(folder).then(
      stats => Date.now() - stats.mtimeMs,
      () => 0, // gone: the process that made it has just finished
    )
    if (age > ABANDONED_MS) await rm(folder, { recursive: true, force: true })
  }
}

/** Unpacks a verified archive beside itself, tries the binary `member` in it, and puts it in its place in the cache. */
export async function install(archive: string, folder: string, member: string, to: Fetching): Promise<string> {
  const { env } = to
  const tar = await runProgram('tar', ['-xzf', archive, '-C', folder], { env, timeoutMs: UNPACK_TIMEOUT_MS })
  if (tar.failure !== undefined) {
    const reason = tar.stderr.trim().split('\n')[0] || tar.failure
    throw new ReactorError('server_missing', `the archive cannot be unpacked with tar: ${reason}`)
  }
  const binary = join(folder, member)
  const target = cachedPath(to)
  try {
    await chmod(binary, 0o755)
  } catch (error) {
    throw new ReactorError('server_missing', `the archive holds no ${member}: ${errorMessage(error)}`)
  }
  requireServerVersion(await versionOf(binary, env))
  await rename(binary, target)
  return target
}
