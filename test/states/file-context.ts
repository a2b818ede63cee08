// What states of files have around them: file_roots in a folder of the test, and a pillar with a secret in it.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createLocalFiles } from '../../src/files/local.ts'
import { createRoots } from '../../src/files/roots.ts'
import type { Files } from '../../src/functions/minion-data.ts'
import type { StateContext, StateOf } from '../../src/functions/state-context.ts'
import { testFolder } from '../helpers/folder.ts'
import { stateCaller } from './call.ts'

export const SECRET = 'hunter2'

export async function fileStates(overrides: Partial<StateContext> = {}) {
  const root = await testFolder()
  const folder = join(root, 'machine')
  const minionDir = join(root, 'minion')
  for (const dir of ['salt', 'dev', 'machine', 'minion']) await mkdir(join(root, dir))
  const asked: string[] = []
  const local = createLocalFiles(
    createRoots({ file_roots: { base: [join(root, 'salt')], dev: [join(root, 'dev')] }, file_ignore_glob: [] }),
  )
  const counted = <A extends unknown[], R>(what: string, fn: (...args: A) => R) => {
    return (...args: A): R => {
      asked.push(what)
      return fn(...args)
    }
  }
  const files: Files = { ...local, hash: counted('hash', local.hash), cache: counted('cache', local.cache) }
  const around: Partial<StateContext> = {
    dir: minionDir,
    files,
    grains: { os: 'Debian', motd: ['from', 'grains'] },
    pillar: {
      current: () => ({ value: { password: SECRET, web: { cert: 'line 1\nline 2' } }, errors: [] }),
      hide: <T>(value: T) => JSON.parse(JSON.stringify(value).replaceAll(SECRET, '[redacted]')) as T,
    } as Partial<StateContext['pillar']> as StateContext['pillar'],
    // A stand-in for the engine, which has tests of its own: `{{ name }}`.
    render: async (text, { names }) =>
      text.replace(/\{\{ (\w+) \}\}/g, (_whole, name: string) => {
        if (names?.[name] === undefined) throw new Error(`'${name}' is undefined`)
        return String(names[name])
      }),
    ...overrides,
  }
  const caller = stateCaller(around)
  const put = async (base: string, path: string, content: string | Buffer) => {
    const file = join(base, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
    return file
  }
  return {
    ...caller,
    /** The same states, as if they required these. */
    requiring: (required: StateOf['required']) => stateCaller({ ...around, state: { required } as StateOf }),
    folder,
    minionDir,
    /** What the master was asked for so far. */
    asked,
    path: (name: string) => join(folder, name),
    /** A file of salt://. */
    salt: (path: string, content: string | Buffer) => put(join(root, 'salt'), path, content),
    dev: (path: string, content: string | Buffer) => put(join(root, 'dev'), path, content),
    file: (path: string, content: string | Buffer) => put(folder, path, content),
    read: (path: string) => readFile(join(folder, path), 'utf8'),
    /** All that is in the folder of the machine, hidden files too. */
    all: async () => (await readdir(folder, { recursive: true })).sort(),
  }
}
