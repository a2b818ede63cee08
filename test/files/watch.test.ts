import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { watchRoots } from '../../src/files/watch.ts'
import { keptLog } from '../helpers/core.ts'
import { createSeen } from '../helpers/wait.ts'
import { filesIn } from './files.ts'

async function watched(content: Record<string, string>) {
  const root = await filesIn(content)
  const fired = createSeen<{ tag: string; data: Record<string, unknown> }>()
  const { log, lines } = keptLog()
  const watch = await watchRoots({
    config: { file_roots: { base: [root] }, file_ignore_glob: ['*.swp'] },
    fire: async (tag, data) => {
      fired.push({ tag, data })
      if (fired.items.length === 2) throw new Error('full')
    },
    log,
  })
  onTestFinished(() => watch.stop())
  return { root, fired, lines }
}

it('files that change together are told once, those that are ignored never', async () => {
  const { root, fired, lines } = await watched({ old: '1', gone: '1' })
  await writeFile(join(root, '.f.swp'), '')
  await writeFile(join(root, 'old'), '22')
  await filesIn({ 'a/new': '1' }, root)
  await rm(join(root, 'gone'))
  const [first] = await fired.reach(1)
  expect(first).toEqual({
    tag: 'salt/fileserver/roots/update',
    data: {
      backend: 'roots',
      changed: true,
      files: { changed: [join(root, 'old')], added: [join(root, 'a/new')], removed: [join(root, 'gone')] },
    },
  })
  await writeFile(join(root, 'old'), '333')
  await fired.reach(2)
  expect(fired.items[1]!.data).toEqual({ backend: 'roots', changed: true, files: { changed: [join(root, 'old')] } })
  await lines.find(({ msg }) => /could not be fired/.test(msg), 'the failure')
  await writeFile(join(root, 'old'), '4444')
  await fired.reach(3)
})
