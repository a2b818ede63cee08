// Files of file_roots on a machine that is not the master's: asked for there, and copied to a folder of this machine.

import { ReactorError } from '../base/errors.ts'
import { createTurns } from '../base/turns.ts'
import type { FileHash, Files } from '../functions/minion-data.ts'
import { createCopies } from './copies.ts'
import { download } from './download.ts'
import { readFilePath, readFolderPath, readSaltenv } from './path.ts'
import { formatSaltUrl } from './salt-url.ts'
import type { FileSource } from './source.ts'

export interface FilesParts {
  source: FileSource
  /** The folder of the copies. */
  dir: string
}

/** Chunks that are asked for at once, whatever the number of files. */
const READS_AT_ONCE = 16
/** A file that changes while it is fetched is begun with anew so often. */
const MOST_CHANGES = 10

export function createFiles({ source, dir }: FilesParts): Files {
  const copies = createCopies(dir)
  const turns = createTurns(READS_AT_ONCE)
  const bounded: FileSource = { ...source, read: request => turns(() => source.read(request)) }
  /** By file and hash. */
  const inHand = new Map<string, Promise<boolean>>()

  /** False: the file has changed on the master meanwhile. */
  const fetch = async (path: string, saltenv: string, wanted: FileHash): Promise<boolean> => {
    let came: string | undefined
    const write = () =>
      copies.replace(path, saltenv, async file => {
        came = await download(bounded, { path, saltenv, ...wanted }, file)
        return came === wanted.hsum
      })
    if (await write()) return true
    // What is wrong without a change of the file may have been damaged on the way.
    if (came === undefined) return false
    if (await write()) return true
    if (came === undefined) return false
    throw new ReactorError(
      'damaged_payload',
      `${formatSaltUrl(path)} (${saltenv}) came with the sha256 ${came} twice, but the master says it has ${wanted.hsum}`,
    )
  }
  const fetchOnce = (path: string, saltenv: string, wanted: FileHash): Promise<boolean> => {
    const key = `${saltenv}\0${path}\0${wanted.hsum}`
    const held = inHand.get(key)
    if (held) return held
    const work = fetch(path, saltenv, wanted).finally(() => inHand.delete(key))
    inHand.set(key, work)
    return work
  }

  return {
    envs: () => source.envs(),
    list: async (saltenv, prefix = '') => source.list('list', readSaltenv(saltenv), readFolderPath(prefix)),
    listDirs: async (saltenv, prefix = '') => source.list('dirs', readSaltenv(saltenv), readFolderPath(prefix)),
    hash: async (path, saltenv) => source.hash(readFilePath(path), readSaltenv(saltenv)),
    async cache(path, saltenv) {
      const clean = readFilePath(path)
      const env = readSaltenv(saltenv)
      for (let changes = 0; changes < MOST_CHANGES; changes++) {
        const wanted = await source.hash(clean, env)
        if (!wanted) return undefined
        if ((await copies.hashOf(clean, env)) === wanted.hsum) return copies.place(clean, env)
        if (await fetchOnce(clean, env, wanted)) return copies.place(clean, env)
      }
      throw new ReactorError(
        'function_failed',
        `${formatSaltUrl(clean)} (${env}) has changed ${MOST_CHANGES} times while it was fetched; try again`,
      )
    },
    async cached(path, saltenv) {
      const clean = readFilePath(path)
      return (await copies.has(clean, saltenv)) ? copies.place(clean, saltenv) : undefined
    },
    listCached: saltenv => copies.list(saltenv),
    clear: () => copies.clear(),
  }
}
