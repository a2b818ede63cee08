// A source as a file on this machine: of salt://, of a path, of an address that is downloaded.
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorMessage } from '../../base/errors.ts'
import { isSaltUrl, parseSaltUrl, type SaltUrl } from '../../files/salt-url.ts'
import type { FileHash } from '../../functions/minion-data.ts'
import type { StateContext } from '../../functions/state-context.ts'
import { lstatOf, statOf } from './paths.ts'
import { failure } from './result.ts'

export interface Fetched {
  path: string
  /** Lets go of it where it was downloaded for this. */
  release(): Promise<void>
}

const HEAD_TIMEOUT_MS = 30_000
const DOWNLOAD_TIMEOUT_MS = 30 * 60_000
const KEPT: Fetched['release'] = async () => undefined

export const isAddress = (source: string): boolean => /^https?:\/\//i.test(source)

/** Undefined for what is no such source. Throws `bad_argument` on a path that leaves the roots. */
export const saltPath = (source: string, saltenv: string): SaltUrl | undefined =>
  isSaltUrl(source) ? parseSaltUrl(source, saltenv) : undefined

/** The path of a source on this machine; undefined for what is none. */
export function localPath(source: string): string | undefined {
  if (!/^file:\/\//i.test(source)) return isAbsolute(source) ? source : undefined
  try {
    return fileURLToPath(source)
  } catch (error) {
    throw failure(`Source ${source} cannot be read: ${errorMessage(error)}; write file:///path`)
  }
}

/** Of a salt:// source. */
export async function saltHash(source: string, context: StateContext): Promise<FileHash | undefined> {
  const found = saltPath(source, context.state.saltenv)
  return found && (await context.files.hash(found.path, found.saltenv))
}

/**
 * Undefined: there is no such file. Throws a failure on a source of no known kind, or that cannot be fetched. `most`: bytes of a
 * download.
 */
export async function fetchSource(
  source: string,
  context: StateContext,
  most = Number.POSITIVE_INFINITY,
): Promise<Fetched | undefined> {
  const salt = saltPath(source, context.state.saltenv)
  if (salt) {
    const path = await context.files.cache(salt.path, salt.saltenv)
    return path === undefined ? undefined : { path, release: KEPT }
  }
  const local = localPath(source)
  if (local !== undefined) return (await statOf(local))?.isFile() ? { path: local, release: KEPT } : undefined
  requireKnown(source)
  return download(source, most, context.signal)
}

/** Whether a source of a list is there. */
export async function sourceExists(source: string, context: StateContext): Promise<boolean> {
  if (isSaltUrl(source)) return (await saltHash(source, context)) !== undefined
  const local = localPath(source)
  if (local !== undefined) return (await lstatOf(local)) !== undefined
  requireKnown(source)
  try {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(HEAD_TIMEOUT_MS)])
    const { address, headers } = request(source)
    const answer = await fetch(address, { method: 'HEAD', headers, signal })
    return answer.ok
  } catch (error) {
    context.signal.throwIfAborted()
    context.log.warn({ err: error, source: withoutPassword(source) }, 'a source of a list cannot be reached')
    return false
  }
}

/** Throws a failure on a source of another kind. */
export function requireKnown(source: string): void {
  if (!isSaltUrl(source) && localPath(source) === undefined && !isAddress(source))
    throw failure(
      `Source ${withoutPassword(source)} is none that is supported: give salt://path, an absolute path, file://, http:// or https://`,
    )
}

async function download(source: string, most: number, jobSignal: AbortSignal): Promise<Fetched | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'reactor-source-'))
  const release = () => rm(folder, { recursive: true, force: true })
  const path = join(folder, 'file')
  try {
    const { address, headers } = request(source)
    const signal = AbortSignal.any([jobSignal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)])
    const answer = await fetch(address, { headers, signal })
    if (!answer.ok) await answer.body?.cancel()
    if (answer.status === 404 || answer.status === 410) {
      await release()
      return undefined
    }
    if (!answer.ok) throw failure(`Source ${withoutPassword(source)} answered with status ${answer.status}`)
    const handle = await open(path, 'wx', 0o600)
    try {
      const tooLarge = () => failure(`Source ${withoutPassword(source)} has more than ${most} bytes`)
      if (answer.body) await writeFile(handle, atMost(answer.body as AsyncIterable<Uint8Array>, most, tooLarge))
    } finally {
      await handle.close()
    }
    return { path, release }
  } catch (error) {
    await release()
    jobSignal.throwIfAborted()
    if (error instanceof Error && error.name === 'ReactorError') throw error
    const why = error instanceof Error && error.cause ? errorMessage(error.cause) : errorMessage(error)
    throw failure(`Failed to download ${withoutPassword(source)}: ${why}`)
  }
}

async function* atMost(
  source: AsyncIterable<Uint8Array>,
  most: number,
  problem: () => Error,
): AsyncIterable<Uint8Array> {
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > most) throw problem()
    yield chunk
  }
}

/** The file itself is wanted: fetch would unpack what a server sends packed. */
const PLAIN = { 'accept-encoding': 'identity' }

/** fetch takes no address with a password in it. */
function request(source: string): { address: string; headers: Record<string, string> } {
  let url: URL
  try {
    url = new URL(source)
  } catch {
    throw failure(`Source ${withoutPassword(source)} is no address that can be read`)
  }
  const { username, password } = url
  if (!username && !password) return { address: source, headers: PLAIN }
  url.username = ''
  url.password = ''
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { address: url.href, headers: { ...PLAIN, authorization: `Basic ${Buffer.from(pair).toString('base64')}` } }
}

/** As it may be shown: also one of a kind that is not supported, or that cannot be read as an address. */
export const withoutPassword = (source: string): string =>
  isSaltUrl(source) ? source : source.replace(/^([a-z][\w+.-]*:\/\/).*@/is, '$1<redacted>@')
