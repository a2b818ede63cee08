// Files of file_roots without a master: straight from the folders of this machine, which are their own copies.
import type { Files } from '../functions/minion-data.ts'
import { createHashes } from './hashes.ts'
import type { Found, Roots } from './roots.ts'

export function createLocalFiles(roots: Roots): Files {
  const hashes = createHashes()
  const withFile = async <T>(
    path: string,
    saltenv: string,
    use: (found: Found) => T,
  ): Promise<Awaited<T> | undefined> => {
    const found = await roots.open(path, saltenv)
    if (!found) return undefined
    try {
      return await use(found)
    } finally {
      await found.file.close()
    }
  }
  const where = (path: string, saltenv: string) => withFile(path, saltenv, found => found.path)

  return {
    envs: async () => roots.envs(),
    list: async (saltenv, prefix) => (await roots.list(saltenv, prefix)).files,
    listDirs: async (saltenv, prefix) => (await roots.list(saltenv, prefix)).dirs,
    hash: (path, saltenv) =>
      withFile(path, saltenv, async ({ file }) => {
        const { stamp: _stamp, ...hash } = await hashes.of(file, path)
        return hash
      }),
    cache: where,
    cached: where,
    listCached: async saltenv => (await roots.list(saltenv)).files,
    clear: async () => undefined,
  }
}
