// Downloads over HTTP with bounds on time and size, redirects followed, through the proxy that the environment names.
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { EnvHttpProxyAgent, fetch } from 'undici'
import { errorMessage, ReactorError } from '../../base/errors.ts'

const TOTAL_MS = 300_000

export interface Downloader {
  /** The whole body as UTF-8. Throws `unreachable` with the URL and the reason. */
  text(url: string, maxBytes: number): Promise<string>
  /** Writes the body to a new file; resolves to its sha256 in hex. Throws as `text`. */
  file(url: string, maxBytes: number, path: string): Promise<string>
  close(): Promise<void>
}

/** `idleMs`: how long to wait for a connection, for the headers and for the next byte. */
export function createDownloader(env: NodeJS.ProcessEnv, idleMs: number): Downloader {
  const agent = new EnvHttpProxyAgent({
    httpProxy: env.http_proxy || env.HTTP_PROXY || '',
    httpsProxy: env.https_proxy || env.HTTPS_PROXY || '',
    noProxy: env.no_proxy || env.NO_PROXY || '',
    connect: { timeout: idleMs },
    headersTimeout: idleMs,
    bodyTimeout: idleMs,
  })

  async function* chunks(url: string, maxBytes: number): AsyncGenerator<Uint8Array> {
    const response = await fetch(url, { dispatcher: agent, signal: AbortSignal.timeout(TOTAL_MS) })
    if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trimEnd())
    if (url.startsWith('https:') && !response.url.startsWith('https:')) {
      throw new Error(`it redirects to ${response.url}, which is not https`)
    }
    let size = 0
    for await (const chunk of response.body ?? []) {
      const bytes = chunk as Uint8Array
      size += bytes.length
      if (size > maxBytes) throw new Error(`it is larger than the ${maxBytes} bytes expected at most`)
      yield bytes
    }
  }

  return {
    text: (url, maxBytes) =>
      named(url, async () => {
        const parts: Uint8Array[] = []
        for await (const chunk of chunks(url, maxBytes)) parts.push(chunk)
        return Buffer.concat(parts).toString('utf8')
      }),
    file: (url, maxBytes, path) =>
      named(url, async () => {
        const hash = createHash('sha256')
        const file = await open(path, 'wx')
        try {
          for await (const chunk of chunks(url, maxBytes)) {
            hash.update(chunk)
            await file.writeFile(chunk)
          }
        } finally {
          await file.close()
        }
        return hash.digest('hex')
      }),
    close: () => agent.destroy(),
  }
}

async function named<T>(url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new ReactorError('unreachable', `${url}: ${reasonOf(error)}`, { url }, error)
  }
}

/** `fetch failed` and `terminated` say nothing: what happened is in their cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const reason = cause === undefined ? errorMessage(error) : errorMessage(cause)
  return reason === '' ? errorMessage(error) : reason
}
