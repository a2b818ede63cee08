// Fetches the official nats-server release and holds it against the SHA256SUMS that were published with it.
import { join } from 'node:path'
import { ReactorError } from '../../base/errors.ts'
import { type Fetching, install, inWorkFolder, type Platform } from './cache.ts'
import { createDownloader } from './download.ts'
import { FETCHED_SERVER } from './version.ts'

const RELEASES = 'https://github.com/nats-io/nats-server/releases/download'
const IDLE_MS = 15_000
const SUMS_BYTES = 256 * 1024
const ARCHIVE_BYTES = 128 * 1024 * 1024

export interface ReleaseSource {
  /** Where `v<version>/<file>` lies, without a slash at the end. */
  base?: string | undefined
  /** Milliseconds without a byte after which a download is given up. */
  timeoutMs?: number | undefined
}

/** Whether the project publishes a build for that platform that can be unpacked and run here. */
export function releaseServes({ os, arch }: Platform): boolean {
  return ['linux', 'darwin'].includes(os) && ['amd64', 'arm64'].includes(arch)
}

/** Downloads, verifies and installs; resolves to the binary's path. Throws `unreachable` or `server_missing`. */
export function fetchRelease(to: Fetching, source: ReleaseSource = {}): Promise<string> {
  return inWorkFolder(to.cacheDir, async folder => {
    const name = `nats-server-v${FETCHED_SERVER}-${to.platform.os}-${to.platform.arch}`
    const file = `${name}.tar.gz`
    const base = `${source.base ?? RELEASES}/v${FETCHED_SERVER}`
    const downloader = createDownloader(to.env, source.timeoutMs ?? IDLE_MS)
    try {
      const expected = sumOf(await downloader.text(`${base}/SHA256SUMS`, SUMS_BYTES), file)
      const archive = join(folder, file)
      const actual = await downloader.file(`${base}/${file}`, ARCHIVE_BYTES, archive)
      if (actual !== expected) {
        throw new ReactorError('server_missing', `checksum of ${file} is ${actual}, expected ${expected}; not used`)
      }
      return await install(archive, folder, join(name, 'nats-server'), to)
    } finally {
      await downloader.close()
    }
  })
}

function sumOf(sums: string, file: string): string {
  for (const line of sums.split('\n')) {
    const [, sum, name] = /^([0-9a-f]{64})\s+\*?(.+?)\s*$/i.exec(line) ?? []
    if (name === file) return sum!.toLowerCase()
  }
  throw new ReactorError('server_missing', `SHA256SUMS of the release names no ${file}`)
}
