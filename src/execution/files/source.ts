// Which content a state wants a file to have: out of the first source that is there, verified, rendered where that is asked.
import { readFile } from 'node:fs/promises'
import type { StateContext } from '../../functions/state-context.ts'
import { type Checksum, findChecksum } from './checksum.ts'
import { isTextual } from './diff.ts'
import {
  type Fetched,
  fetchSource,
  localPath,
  requireKnown,
  saltHash,
  saltPath,
  sourceExists,
  withoutPassword,
} from './fetch.ts'
import { statOf } from './paths.ts'
import { failure } from './result.ts'
import { hashFile } from './write.ts'

export interface SourceAsked {
  source: string | readonly (string | Record<string, string>)[]
  source_hash?: string | null | undefined
  source_hash_name?: string | null | undefined
  skip_verify: boolean
}

export interface TemplateAsked {
  template?: 'jinja' | null | undefined
  context?: Record<string, unknown> | null | undefined
  defaults?: Record<string, unknown> | null | undefined
}

/** A source that was found, with what is known of it before it is fetched. */
export interface Source {
  source: string
  /** What its content must have; undefined: nothing is known of it. */
  checksum?: Checksum
  size?: number
  /** Permissions of the source itself, for `mode: keep`. */
  mode?: number
  /** Throws a failure where it is not there any more, or not what its checksum says. */
  fetch(): Promise<Fetched>
}

/** Throws a failure in Salt's words. */
export async function findSource(asked: SourceAsked, name: string, context: StateContext): Promise<Source> {
  const { source, source_hash } = await choose(asked, context)
  requireKnown(source)
  const shown = withoutPassword(source)
  const expected = source_hash ? await findChecksum({ ...asked, source, source_hash, name }, context) : undefined
  const salt = saltPath(source, context.state.saltenv)
  if (salt) {
    const known = await saltHash(source, context)
    if (!known) throw failure(`Source file ${shown} not found in saltenv '${salt.saltenv}'`)
    const own = { hash_type: known.hash_type, hsum: known.hsum }
    if (expected && !asked.skip_verify) requireSame(own, expected, shown)
    return {
      source,
      ...{ checksum: own, size: known.size, mode: known.mode },
      fetch: () => verified(source, asked.skip_verify ? undefined : expected, salt.saltenv, context),
    }
  }
  const local = localPath(source)
  if (local !== undefined) {
    const stat = await statOf(local)
    if (!stat?.isFile()) throw failure(`Local source file ${local} does not exist`)
    const own = { hash_type: 'sha256', hsum: await hashFile(local) }
    return {
      source,
      ...{ checksum: own, size: stat.size, mode: stat.mode & 0o7777 },
      fetch: () => verified(source, asked.skip_verify ? undefined : expected, '', context),
    }
  }
  if (!expected && !asked.skip_verify)
    throw failure(
      `Unable to verify upstream hash of source file ${shown}, please set source_hash or set skip_verify to True`,
    )
  return {
    source,
    ...(expected && !asked.skip_verify ? { checksum: expected } : {}),
    fetch: () => verified(source, asked.skip_verify ? undefined : expected, '', context),
  }
}

/** The text that a template comes to. Throws a failure. */
export async function rendered(
  text: string,
  { context: names, defaults }: TemplateAsked,
  source: string,
  context: StateContext,
): Promise<string> {
  const { saltenv } = context.state
  return context.render(text, { source, saltenv, names: { ...defaults, ...names } })
}

/** Throws a failure where it is no text. */
export async function templateText({ path }: Fetched, source: string): Promise<string> {
  const bytes = await readFile(path)
  if (!isTextual(bytes))
    throw failure(`Source file ${withoutPassword(source)} is no UTF-8 text, so it cannot be a template`)
  return bytes.toString()
}

/** The whole text of a source, rendered where that is asked. Throws a failure. */
export async function sourceText(
  asked: SourceAsked & TemplateAsked,
  name: string,
  context: StateContext,
): Promise<string> {
  const found = await findSource(asked, name, context)
  const fetched = await found.fetch()
  try {
    const text = await templateText(fetched, found.source)
    return asked.template ? await rendered(text, asked, found.source, context) : text
  } finally {
    await fetched.release()
  }
}

async function choose(
  { source, source_hash }: SourceAsked,
  context: StateContext,
): Promise<{ source: string; source_hash: string | null | undefined }> {
  if (typeof source === 'string') return { source, source_hash }
  for (const entry of source) {
    const pairs: [string, string | null | undefined][] =
      typeof entry === 'string' ? [[entry, source_hash]] : Object.entries(entry)
    for (const [one, hash] of pairs) if (await sourceExists(one, context)) return { source: one, source_hash: hash }
  }
  throw failure('Unable to manage file: none of the specified sources were found')
}

async function verified(
  source: string,
  checksum: Checksum | undefined,
  saltenv: string,
  context: StateContext,
): Promise<Fetched> {
  const fetched = await fetchSource(source, context)
  if (!fetched) {
    const where = saltenv === '' ? '' : ` in saltenv '${saltenv}'`
    throw failure(`Source file ${withoutPassword(source)} not found${where}`)
  }
  try {
    if (checksum) {
      const hsum = await hashFile(fetched.path, checksum.hash_type)
      requireSame({ hash_type: checksum.hash_type, hsum }, checksum, withoutPassword(source))
    }
    return fetched
  } catch (error) {
    await fetched.release()
    throw error
  }
}

/** Hashes of different types say nothing about each other. */
function requireSame(actual: Checksum, expected: Checksum, shown: string): void {
  if (actual.hash_type !== expected.hash_type || actual.hsum === expected.hsum) return
  throw failure(
    `Specified ${expected.hash_type} checksum for ${shown} (${expected.hsum}) does not match actual checksum (${actual.hsum}). If the 'source_hash' value refers to a remote file with multiple possible matches, then it may be necessary to set 'source_hash_name'.`,
  )
}
