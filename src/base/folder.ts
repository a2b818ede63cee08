// Making a folder with those above it. Node's own recursive mkdir never ends in places such as /proc, where a parent
// exists and still nothing can be made in it.
import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** Resolves when `path` is a folder. Throws the system's error. */
export async function makeFolder(path: string, mode = 0o700): Promise<void> {
  const folder = resolve(path)
  if (await isFolder(folder)) return
  const parent = dirname(folder)
  if (parent !== folder && !(await isFolder(parent))) await makeFolder(parent, mode)
  try {
    await mkdir(folder, { mode })
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await isFolder(folder))) throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
