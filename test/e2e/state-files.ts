// What tests of state runs share: roots of files and pillar in a folder of their own, and a reactor on them.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { ROOT, type Running, startReactor, type UpSettings } from './reactor.ts'

export const EXAMPLES = join(ROOT, 'deploy/examples')

export interface StateReactor extends Running {
  /** Below it: `salt` and `pillar`, the roots, and `www`. */
  folder: string
  write(path: string, text: string): Promise<void>
  /** The return of a call, and how it ended. */
  call(tgt: string, ...words: string[]): Promise<{ code: number | null; value: unknown }>
}

/** `files`: texts by their path below the folder. */
export async function startWithFiles(files: Record<string, string>, settings: UpSettings = {}): Promise<StateReactor> {
  const folder = await testFolder()
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  for (const name of ['salt', 'pillar', 'www']) await mkdir(join(folder, name))
  for (const [path, text] of Object.entries(files)) await write(path, text)
  const reactor = await startReactor({
    ...settings,
    args: ['--id', 'web1', ...(settings.args ?? [])],
    config: {
      file_roots: { base: [join(folder, 'salt')] },
      pillar_roots: { base: [join(folder, 'pillar')] },
      ...settings.config,
    },
  })
  onTestFinished(() => reactor.clean())
  return {
    ...reactor,
    ...{ folder, write },
    async call(tgt, ...words) {
      const { code, stdout, stderr } = await reactor.run('call', tgt, '--json', ...words)
      if (stdout.trim() === '') throw new Error(stderr)
      return { code, value: JSON.parse(stdout)[tgt] }
    },
  }
}

/** An example of deploy/examples, with `/home/www` in another place. */
export const exampleIn = async (path: string, www: string): Promise<string> =>
  (await readFile(join(EXAMPLES, path), 'utf8')).replaceAll('/home/www', www)

export const copyExample = async (path: string, to: string): Promise<void> => {
  await mkdir(dirname(to), { recursive: true })
  await copyFile(join(EXAMPLES, path), to)
}
