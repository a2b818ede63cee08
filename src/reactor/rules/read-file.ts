// Finding and reading rule files: which files a folder holds, and the text of one of them. What cannot be read is told
// of and the rest goes on.
import { isUtf8 } from 'node:buffer'
import type { Dirent, Stats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'

/** Bytes of a file. */
export const MAX_FILE = 1024 * 1024

/** `unsettled`: the file was written a moment ago, and perhaps is still. */
export type FileText = { text: string } | { problem: string } | { unsettled: true }

/**
 * `path` itself, or the `*.yaml` and `*.yml` of the folder in sorted order, subfolders included, names with a leading
 * dot left out; `unreadable` are subfolders. Throws `bad_rule` when `path` cannot be read.
 */
export async function findRuleFiles(
  path: string,
): Promise<{ files: string[]; unreadable: { file: string; message: string }[] }> {
  const unreadable: { file: string; message: string }[] = []
  const files: string[] = []
  const take = async (folder: string, entries: Dirent[]): Promise<void> => {
    for (const entry of entries) {
      const inner = join(folder, entry.name)
      if (entry.name.startsWith('.')) continue
      if (!entry.isDirectory()) {
        if (/\.ya?ml$/.test(entry.name)) files.push(inner)
        continue
      }
      try {
        await take(inner, await readdir(inner, { withFileTypes: true }))
      } catch (error) {
        unreadable.push({ file: inner, message: `the folder cannot be read: ${errorMessage(error)}` })
      }
    }
  }
  try {
    if (!(await stat(path)).isDirectory()) return { files: [path], unreadable }
    await take(path, await readdir(path, { withFileTypes: true }))
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const why = missing ? 'there is no such file or folder' : errorMessage(error)
    throw new ReactorError('bad_rule', `cannot read rules from ${path}: ${why}`, { path }, error)
  }
  return { files: files.sort(), unreadable }
}

/** Reads one file; one that changed within the last `settleMs` milliseconds is left for later. Never throws. */
export async function readRuleFile(file: string, settleMs: number): Promise<FileText> {
  let facts: Stats
  try {
    facts = await stat(file)
    // Reading a pipe would wait for a writer.
    if (!facts.isFile()) return { problem: 'this is no file' }
    if (facts.size > MAX_FILE) return { problem: tooLarge(facts.size) }
    // The file system's clock may run a little ahead of ours, by less than a millisecond even on one machine; a time
    // further in the future says nothing about when the file was written.
    if (Math.abs(Date.now() - facts.mtimeMs) < settleMs) return { unsettled: true }
    return decode(await readFile(file))
  } catch (error) {
    return { problem: `the file cannot be read: ${errorMessage(error)}` }
  }
}

export const tooLarge = (size: number): string => `the file has ${size} bytes, more than ${MAX_FILE}: split it`

function decode(bytes: Buffer): FileText {
  const nul = bytes.indexOf(0)
  if (nul >= 0) return { problem: `this is not a text file: byte ${nul} is NUL; rules are YAML in UTF-8` }
  if (!isUtf8(bytes)) return { problem: 'this is not a text file: it is not UTF-8; rules are YAML in UTF-8' }
  return { text: bytes.toString('utf8') }
}
