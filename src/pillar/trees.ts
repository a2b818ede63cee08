// The files of pillar_roots as one compilation sees them. Who asks gets files that were read after it asked; where many ask,
// those of a moment share the reading.
import { setTimeout as delay } from 'node:timers/promises'
import { ReactorError } from '../base/errors.ts'
import type { Roots } from '../files/roots.ts'
import { availableSls } from '../sls/top.ts'

export interface Tree {
  envs: readonly string[]
  /** The text of a file; undefined: there is none. Throws `bad_argument` on a path that leaves the roots. */
  read(path: string, saltenv: string): Promise<string | undefined>
  /** The names of all SLS of an environment. */
  names(saltenv: string): Promise<readonly string[]>
}

/** Bytes of one file; what is larger is no SLS. */
const MOST_BYTES = 16 * 1024 * 1024
/** Between two readings, at least. */
const MOMENT_MS = 25

export function createTrees(roots: Roots, momentMs = MOMENT_MS): () => Promise<Tree> {
  let coming: Promise<Tree> | undefined
  let last = Number.NEGATIVE_INFINITY
  return () => {
    coming ??= delay(Math.max(last + momentMs - performance.now(), 0)).then(() => {
      coming = undefined
      last = performance.now()
      return createTree(roots)
    })
    return coming
  }
}

function createTree(roots: Roots): Tree {
  const envs = roots.envs()
  const texts = new Map<string, Promise<string | undefined>>()
  const names = new Map<string, Promise<readonly string[]>>()
  const once = <T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> => {
    const before = made.get(key)
    if (before) return before
    const promise = make()
    made.set(key, promise)
    return promise
  }
  return {
    envs,
    read: (path, saltenv) =>
      once(texts, `${saltenv}/${path}`, async () => {
        if (!envs.includes(saltenv)) return undefined
        const found = await roots.open(path, saltenv)
        if (!found) return undefined
        try {
          const { size } = await found.file.stat()
          if (size > MOST_BYTES)
            throw new ReactorError('bad_argument', `${path} has ${size} bytes, a file of pillar at most ${MOST_BYTES}`)
          return await found.file.readFile('utf8')
        } finally {
          await found.file.close()
        }
      }),
    names: saltenv =>
      once(names, saltenv, async () => (envs.includes(saltenv) ? availableSls((await roots.list(saltenv)).files) : [])),
  }
}
