// Wheel `file_roots`: the files that the master serves, on the master itself.
import { realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { isInside } from '../base/confined-path.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'
import { newFileMode, writeFileWhole } from '../execution/files/write.ts'
import { readFilePath } from '../files/path.ts'
import { createRoots, type Found, type Roots } from '../files/roots.ts'
import { wheel } from '../functions/define.ts'
import { filePath, fixed } from '../functions/guards.ts'
import type { WheelContext } from '../functions/wheel-context.ts'

/** Bytes by which a file is told to be text, as Salt has it. */
const LOOKED_AT = 512
const MOST_READ = 16 * 1024 * 1024

const path = z.string().min(1).describe('below the root, without salt://')
const saltenv = z.string().default('base').describe('the environment')

export const find = wheel({
  doc: `Lists the files of an environment that have this path, one in each of its folders at most: a map of the path on the
    master and txt or bin for each. Minions get the first.
    Example: reactor wheel file_roots.find top.sls`,
  args: { path, saltenv },
  guards: { path: filePath },
  idempotent: true,
  run: ({ path, saltenv }, context) =>
    each(rootsOf(context), { path, saltenv }, async ({ file, path }) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(LOOKED_AT), 0, LOOKED_AT, 0)
      return { [path]: textOf(buffer.subarray(0, bytesRead), true) === undefined ? 'bin' : 'txt' }
    }),
})

export const list_env = wheel({
  doc: `Returns the files of an environment by its folders: maps of maps, in which a file is an f.
    Example: reactor wheel file_roots.list_env dev`,
  args: { saltenv },
  idempotent: true,
  run: ({ saltenv }, context) => treesOf(rootsOf(context), saltenv),
})

export const list_roots = wheel({
  doc: `Returns what file_roots.list_env does for each environment, as a list of one.
    Example: reactor wheel file_roots.list_roots`,
  idempotent: true,
  async run(_args, context) {
    const roots = rootsOf(context)
    const all = await Promise.all(roots.envs().map(async env => [env, [await treesOf(roots, env)]] as const))
    return Object.fromEntries(all)
  },
})

export const read = wheel({
  doc: `Returns the texts of the files that file_roots.find finds, those that are none left out: a list of maps of the path on
    the master and the text.
    Example: reactor wheel file_roots.read top.sls`,
  args: { path, saltenv },
  guards: { path: filePath },
  idempotent: true,
  async run({ path, saltenv }, context) {
    const texts = await each(rootsOf(context), { path, saltenv }, async ({ file, path }) => {
      const { size } = await file.stat()
      if (size > MOST_READ)
        throw new ReactorError(
          'bad_argument',
          `'${path}' has ${size} bytes; file_roots.read gives ${MOST_READ} at most`,
        )
      const text = textOf(await file.readFile(), false)
      return text === undefined ? undefined : { [path]: text }
    })
    return texts.filter(text => text !== undefined)
  },
})

export const write = wheel({
  doc: `Writes a text to a file of an environment, in its folder of that index; folders are made. Returns what Salt says.
    Example: reactor wheel file_roots.write 'base: {}' top.sls`,
  args: {
    data: z.string().describe('the text'),
    path,
    saltenv,
    index: z.number().int().min(0).default(0).describe('which folder of the environment, from 0'),
  },
  bulky: ['data'],
  guards: { data: fixed('a file that minions are given'), path: filePath },
  idempotent: true,
  async run({ data, path, saltenv, index }, context) {
    const folders = rootsOf(context).folders(saltenv)
    const folder = folders[index]
    if (folder === undefined)
      throw new ReactorError('bad_argument', `'${saltenv}' has ${folders.length} folders, none of index ${index}`)
    const target = join(folder, readFilePath(path))
    try {
      await stayBelow(folder, dirname(target))
      await makeFolder(dirname(target), 0o755)
      const mode = await stat(target).then(
        there => there.mode & 0o7777,
        () => newFileMode(),
      )
      await writeFileWhole(target, { text: data }, { mode })
    } catch (error) {
      if (error instanceof ReactorError) throw error
      throw new ReactorError('unwritable', `'${target}' cannot be written: ${errorMessage(error)}`)
    }
    return `Wrote data to file ${target}`
  },
})

const rootsOf = ({ fileRoots }: WheelContext): Roots => createRoots({ file_roots: fileRoots, file_ignore_glob: [] })

async function each<T>(
  roots: Roots,
  { path, saltenv }: { path: string; saltenv: string },
  use: (found: Found) => Promise<T>,
): Promise<T[]> {
  const all: T[] = []
  for await (const found of roots.openEach(path, saltenv)) {
    try {
      all.push(await use(found))
    } finally {
      await found.file.close()
    }
  }
  return all
}

/** Undefined: it is no text. `cut`: its end may be missing. */
function textOf(bytes: Uint8Array, cut: boolean): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: cut })
  } catch {
    return undefined
  }
}

interface Tree {
  [name: string]: Tree | 'f'
}

async function treesOf(roots: Roots, saltenv: string): Promise<Record<string, Tree>> {
  const trees: Record<string, Tree> = {}
  for (const folder of roots.folders(saltenv)) {
    const one = createRoots({ file_roots: { [saltenv]: [folder] }, file_ignore_glob: [] })
    const { files, dirs } = await one.list(saltenv)
    trees[folder] = treeOf(files, dirs)
  }
  return trees
}

function treeOf(files: readonly string[], dirs: readonly string[]): Tree {
  const root = new Map<string, Tree>([['', {}]])
  const put = (path: string, value: Tree | 'f') => {
    const slash = path.lastIndexOf('/')
    const above = root.get(path.slice(0, Math.max(slash, 0)))
    // A file may be called as the keys of all objects are.
    if (above) Object.defineProperty(above, path.slice(slash + 1), { value, enumerable: true, configurable: true })
  }
  // A folder is listed before what is below it.
  for (const path of dirs) {
    const tree: Tree = {}
    put(path, tree)
    root.set(path, tree)
  }
  for (const path of files) put(path, 'f')
  return root.get('')!
}

/** Throws `bad_argument` where a link on the way leads out of the folder. */
async function stayBelow(folder: string, parent: string): Promise<void> {
  const root = await realpath(folder)
  for (let at = parent; ; at = dirname(at)) {
    const real = await realpath(at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    if (real === undefined) continue
    if (real === root || isInside(real, root)) return
    throw new ReactorError('bad_argument', `'${parent}' leads out of ${folder}: a link on the way does`)
  }
}
