// What module `cp` does with one file of the master's: its hash, its copy, and that copy where it was asked for.
import { open, readFile } from 'node:fs/promises'
import { ReactorError } from '../../base/errors.ts'
import { createHashes } from '../../files/hashes.ts'
import { formatSaltUrl, parseSaltUrl, type SaltUrl } from '../../files/salt-url.ts'
import type { ExecutionContext } from '../../functions/minion-context.ts'
import { absolute, lookAt, placeOf, writeAt } from './place.ts'

const hashes = createHashes()

/** Throws `bad_argument` where the root itself is meant. */
export function fileOf(url: string, saltenv: string): SaltUrl {
  const file = parseSaltUrl(url, saltenv)
  if (file.path === '') throw new ReactorError('bad_argument', `'${url}' names no file`)
  return file
}

export const hashOnMaster = ({ path, saltenv }: SaltUrl, files: ExecutionContext['files']) => files.hash(path, saltenv)

export async function hashHere(path: string) {
  const there = await lookAt(path)
  // Opening a pipe would wait for who writes to it.
  if (!there?.isFile()) return undefined
  const file = await open(path)
  try {
    return await hashes.of(file, path)
  } finally {
    await file.close()
  }
}

export async function beginning(prefix: string, list: (folder: string) => Promise<string[]>): Promise<string[]> {
  const clean = prefix.replace(/^\/+/, '')
  const slash = clean.lastIndexOf('/')
  const listed = await list(slash < 0 ? '' : clean.slice(0, slash))
  return listed.filter(path => path.startsWith(clean))
}

export async function cacheOne({ path, saltenv }: SaltUrl, { files, log }: ExecutionContext): Promise<string | false> {
  const copy = await files.cache(path, saltenv)
  if (copy === undefined) log.warn({ path, saltenv }, 'the master has no such file')
  return copy ?? false
}

/** Salt's word for it; the job has failed. */
export function missing<T>({ path, saltenv }: SaltUrl, { log, setRetcode }: ExecutionContext, word: T): T {
  log.error({ path, saltenv }, 'the master has no such file')
  setRetcode(1)
  return word
}

export async function textOf(copy: string, { path }: SaltUrl): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(copy))
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new ReactorError('bad_argument', `${formatSaltUrl(path)} is no text in UTF-8`)
  }
}

interface Where {
  dest: string
  makedirs: boolean
}

/** Undefined: the master has no such file. */
export async function put({ path, saltenv }: SaltUrl, { dest, makedirs }: Where, { files }: ExecutionContext) {
  // Before anything is fetched.
  absolute(dest)
  const copy = await files.cache(path, saltenv)
  return copy === undefined ? undefined : writeAt({ file: copy }, await placeOf(dest, path, makedirs))
}
