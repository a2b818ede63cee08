// The pillar as this machine's own pillar_roots have it: what the master serves, and a minion without one goes by.
import type { Config } from '../config/schema.ts'
import { createRoots } from '../files/roots.ts'
import { createPillarCompiler, type PillarCompiler } from '../pillar/compile.ts'
import { createPillarSecrets, type PillarSecrets } from '../pillar/secrets.ts'
import { createTrees } from '../pillar/trees.ts'

export function pillarHere(config: Config): { compiler: PillarCompiler; secrets: PillarSecrets } {
  const { pillar_roots, file_ignore_glob, nodegroups } = config
  const secrets = createPillarSecrets()
  const trees = createTrees(createRoots({ file_roots: pillar_roots, file_ignore_glob }))
  return { secrets, compiler: createPillarCompiler({ config, trees, secrets, nodegroups }) }
}
