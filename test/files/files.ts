// Folders of files for tests, and a master that serves them.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { createFiles } from '../../src/files/client.ts'
import { createRoots } from '../../src/files/roots.ts'
import { serveFiles } from '../../src/files/service.ts'
import { createMasterSource, type FileSource } from '../../src/files/source.ts'
import type { Core } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'

/** A folder with these files. */
export async function filesIn(files: Record<string, string | Uint8Array>, dir?: string): Promise<string> {
  const folder = dir ?? (await testFolder())
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
  return folder
}

export const rootsOf = (file_roots: Record<string, string[]>, file_ignore_glob: string[] = []) =>
  createRoots({ file_roots, file_ignore_glob })

/** A master of these roots, until it is stopped or the test has ended. */
export async function master({ nc, subjects }: Core, file_roots: Record<string, string[]>) {
  const service = await serveFiles({ nc, subjects, roots: rootsOf(file_roots), log: silentLog })
  onTestFinished(() => service.stop())
  return service
}

/** The files of a minion; `alter` puts something between it and its master. */
export async function minionFiles(
  { nc, subjects }: Core,
  { id = 'web1', alter = (source: FileSource) => source, patienceMs = 60_000 } = {},
) {
  const dir = await testFolder()
  const reads: number[] = []
  const source = createMasterSource({ nc, subject: subjects.ofMinion('file', id), patienceMs })
  const counted: FileSource = {
    ...source,
    read(request) {
      reads.push(request.offset)
      return source.read(request)
    },
  }
  return { files: createFiles({ source: alter(counted), dir }), dir, reads }
}
