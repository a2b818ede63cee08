// A file written so that nobody ever sees half of it: aside in the same folder, with its owner and permissions, on the disk
// itself, and then renamed to its place.
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { modeText, type Perms, permChanges, setOwner } from './perms.ts'

export type Content = { text: string | Buffer } | { file: string }

export interface Aside {
  /** Where it lies until then. */
  path: string
  /** Of its content, sha256 in hexadecimal. */
  hsum: string
  commit(): Promise<void>
  drop(): Promise<void>
}

/** The whole file with its permissions, not yet at its place. Throws a failure, and the system's error; then nothing is left. */
export async function writeAside(target: string, content: Content, perms: Perms, suffix = ''): Promise<Aside> {
  const path = join(dirname(target), `.reactor-${randomBytes(8).toString('hex')}${suffix}`)
  const drop = () => rm(path, { force: true })
  const handle = await open(path, 'wx', 0o600)
  try {
    const hsum = await fill(handle, content)
    const changes = permChanges(await handle.stat(), perms)
    // By the open file: in a folder of others something else may stand under its name by now.
    if ('user' in changes || 'group' in changes) await setOwner(handle, perms)
    if (perms.mode !== undefined) await handle.chmod(perms.mode)
    await handle.sync()
    await handle.close()
    const commit = async () => {
      await rename(path, target)
      await syncFolder(dirname(target))
    }
    return { path, hsum, commit, drop }
  } catch (error) {
    await handle.close().catch(() => undefined)
    await drop()
    throw error
  }
}

/** The file at once. */
export async function writeFileWhole(target: string, content: Content, perms: Perms): Promise<void> {
  const aside = await writeAside(target, content, perms)
  try {
    await aside.commit()
  } catch (error) {
    await aside.drop()
    throw error
  }
}

/** What a new file gets that nobody has said permissions for. */
export const newFileMode = (): number => 0o666 & ~process.umask()
export const newFileModeText = (): string => modeText(newFileMode())

/** Sha256, in hexadecimal, or by another name that Node knows. */
export async function hashFile(path: string, type = 'sha256'): Promise<string> {
  const hash = createHash(type)
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

async function fill(handle: FileHandle, content: Content): Promise<string> {
  const hash = createHash('sha256')
  if ('text' in content) {
    hash.update(content.text)
    await handle.writeFile(content.text)
  } else await writeFile(handle, hashing(createReadStream(content.file), hash))
  return hash.digest('hex')
}

async function* hashing(source: AsyncIterable<Buffer>, hash: ReturnType<typeof createHash>): AsyncIterable<Buffer> {
  for await (const chunk of source) {
    hash.update(chunk)
    yield chunk
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  // A folder that may be written and not read cannot be opened, and some file systems sync none: the rename holds all the same.
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}
