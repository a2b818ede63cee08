// pillar_roots of a test's own, and what a minion is given from them.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createRoots } from '../../src/files/roots.ts'
import { createPillarCompiler, type PillarAsk, type PillarConfig } from '../../src/pillar/compile.ts'
import { createPillarSecrets } from '../../src/pillar/secrets.ts'
import { createTrees } from '../../src/pillar/trees.ts'
import { testFolder } from '../helpers/folder.ts'

export const PILLAR_CONFIG: PillarConfig = {
  pillar_source_merging_strategy: 'smart',
  pillar_merge_lists: false,
  pillar_safe_render_error: true,
  pillarenv_from_saltenv: false,
  env_order: [],
}

/** Files by `env/path`; the environment alone is named before the first slash. */
export type PillarFiles = Readonly<Record<string, string>>

export async function pillarRoots(files: PillarFiles) {
  const dir = await testFolder()
  const write = async (name: string, text: string) => {
    const path = join(dir, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
  for (const [name, text] of Object.entries(files)) await write(name, text)
  const envs = [...new Set(Object.keys(files).map(name => name.split('/')[0]!))]
  return { dir, write, roots: Object.fromEntries(envs.map(env => [env, [join(dir, env)]])) }
}

export interface PillarTest {
  config?: Partial<PillarConfig>
  env?: Readonly<Record<string, string>>
}

export async function pillarOf(files: PillarFiles, { config = {}, env = {} }: PillarTest = {}) {
  const { dir, write, roots } = await pillarRoots(files)
  const secrets = createPillarSecrets({ env })
  const compiler = createPillarCompiler({
    config: { ...PILLAR_CONFIG, ...config },
    trees: createTrees(createRoots({ file_roots: roots, file_ignore_glob: [] })),
    secrets,
    nodegroups: {},
  })
  const ask = (more: Partial<PillarAsk> = {}): PillarAsk => ({ id: 'web1', grains: { os: 'Debian' }, ...more })
  return {
    ...{ dir, write, secrets, compiler, ask },
    /** Its value, and its errors in full. */
    async compile(more: Partial<PillarAsk> = {}) {
      const { value, problems } = await compiler.compile(ask(more))
      return { value, errors: problems.map(({ whole }) => whole), said: problems.map(({ said }) => said) }
    },
  }
}
