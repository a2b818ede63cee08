// Which content a state wants a file to have: out of the first source that is there, verified, rendered where that is asked.
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
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
import type { OwnerName } from './owner.ts'
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
  name: string
  template?: 'jinja' | null | undefined
  context?: Record<string, unknown> | null | undefined
  defaults?: Record<string, unknown> | null | undefined
  user?: OwnerName
  group?: OwnerName
  mode?: string | null | undefined
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
  /** Throws a failure where what was read, with this sha256, is not all of it: somebody was writing to it. */
  requireWhole(hsum: string): Promise<void>
}

/** Bytes of a text that is held in memory as a whole. */
const LARGEST_TEXT = 16 * 1024 * 1024

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
      async requireWhole(hsum) {
        // It may have been replaced, whole, since its hash was asked for.
        if (hsum !== own.hsum && hsum !== (await saltHash(source, context))?.hsum) throw changedMeanwhile(shown)
      },
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
      async requireWhole(hsum) {
        if (hsum !== own.hsum) throw changedMeanwhile(shown)
      },
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
    // A download is nobody else's.
    requireWhole: async () => undefined,
  }
}

const changedMeanwhile = (source: string) =>
  failure(`Source file ${source} was changed while it was read; run the state again`)

/** The text that a template comes to, which sees what it is for by Salt's names. Throws a failure. */
export async function rendered(
  text: string,
  { name, user = null, group = null, mode = null, context: names, defaults }: TemplateAsked,
  source: string,
  context: StateContext,
): Promise<string> {
  const { saltenv } = context.state
  const own = { source, name, user, group, mode: mode === 'keep' ? null : mode }
  return context.render(text, { source, saltenv, names: { ...own, ...defaults, ...names } })
}

/** The text of a source as it stands. Throws a failure, also where it is no text. */
export async function templateText({ source, fetch, requireWhole }: Source): Promise<string> {
  const shown = withoutPassword(source)
  const { path, release } = await fetch()
  try {
    const { size } = await stat(path)
    if (size > LARGEST_TEXT) throw failure(`Source file ${shown} has ${size} bytes; as a text ${LARGEST_TEXT} are read`)
    const bytes = await readFile(path)
    if (!isTextual(bytes)) throw failure(`Source file ${shown} is no UTF-8 text, so it cannot be a template`)
    await requireWhole(createHash('sha256').update(bytes).digest('hex'))
    return bytes.toString()
  } finally {
    await release()
  }
}

/** The whole text of a source, rendered where that is asked. Throws a failure. */
export async function sourceText(
  asked: SourceAsked & TemplateAsked,
  name: string,
  context: StateContext,
): Promise<string> {
  const found = await findSource(asked, name, context)
  const text = await templateText(found)
  return asked.template ? await rendered(text, asked, found.source, context) : text
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
