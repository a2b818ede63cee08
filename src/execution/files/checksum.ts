// A source_hash: a hash with or without the name of its type, or a file that holds hashes.
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { StateContext } from '../../functions/state-context.ts'
import { fetchSource } from './fetch.ts'
import { failure } from './result.ts'

export interface Checksum {
  hash_type: string
  /** Hexadecimal, lower case. */
  hsum: string
}

/** Types by the number of their hexadecimal digits. */
const TYPES: Readonly<Record<number, string>> = {
  128: 'sha512',
  96: 'sha384',
  64: 'sha256',
  56: 'sha224',
  40: 'sha1',
  32: 'md5',
}
const HEX = /^[0-9a-f]+$/i
const LARGEST = 10 * 1024 * 1024

export interface HashAsked {
  /** As the state says it. */
  source_hash: string
  /** Names the line of a file of hashes. */
  source_hash_name?: string | null | undefined
  /** Of the source, and the file to be written: names that a line may have. */
  source: string
  name: string
}

/** Throws a failure in Salt's words. */
export async function findChecksum(asked: HashAsked, context: StateContext): Promise<Checksum> {
  const text = asked.source_hash.trim()
  const given = hashIn(text)
  if (given) return given
  if (!/^(?:salt|file|https?):\/\//.test(text) && !text.startsWith('/')) throw malformed(text)
  return fromFile(await textOf(text, context), asked)
}

/** `sha256=…`, `sha256:…`, or the hash alone. */
function hashIn(text: string): Checksum | undefined {
  const [, type, hex] = /^(?:(\w+)[=:])?([0-9a-f]+)$/i.exec(text) ?? []
  if (hex === undefined) return undefined
  const byLength = TYPES[hex.length]
  if (byLength === undefined || (type !== undefined && type.toLowerCase() !== byLength)) throw malformed(text)
  return { hash_type: byLength, hsum: hex.toLowerCase() }
}

function fromFile(text: string, { source_hash, source_hash_name, source, name }: HashAsked): Checksum {
  const lines = text.split(/\r?\n/).map(line => ({
    line,
    hash: line
      .split(/[\s=:]+/)
      .filter(word => HEX.test(word) && TYPES[word.length] !== undefined)
      .sort((a, b) => b.length - a.length)[0],
  }))
  const names = source_hash_name ? [source_hash_name] : [basename(source.replace(/[?#].*$/, '')), basename(name)]
  const found = lines.filter(line => line.hash !== undefined)
  const named = names
    .map(wanted =>
      found
        .filter(({ line }) => namesFile(line, wanted))
        .sort((a, b) => b.hash!.length - a.hash!.length)
        .at(0),
    )
    .find(line => line !== undefined)
  if (source_hash_name && !named) throw failure(`Source hash file ${source_hash} has no hash for ${source_hash_name}`)
  const hash = (named ?? found[0])?.hash
  if (hash === undefined)
    throw failure(
      `Source hash file ${source_hash} contains an invalid hash format, it must be in the format <hash type>=<hash>.`,
    )
  return { hash_type: TYPES[hash.length]!, hsum: hash.toLowerCase() }
}

/** `<hash>  name`, `<hash> *dir/name`, `name sha256=<hash>`, `SHA256 (name) = <hash>`; a name may have spaces in it. */
function namesFile(line: string, name: string): boolean {
  for (let at = line.indexOf(name); at >= 0; at = line.indexOf(name, at + 1)) {
    const [before = ' ', after = ' '] = [line[at - 1], line[at + name.length]]
    if (/[\s*/(]/.test(before) && /[\s)]/.test(after)) return true
  }
  return false
}

async function textOf(where: string, context: StateContext): Promise<string> {
  const fetched = await fetchSource(where, context, LARGEST)
  if (fetched === undefined) throw failure(`Source hash file ${where} not found`)
  try {
    if ((await stat(fetched.path)).size > LARGEST) throw failure(`Source hash file ${where} is larger than 10 MiB`)
    return await readFile(fetched.path, 'utf8')
  } finally {
    await fetched.release()
  }
}

const malformed = (text: string) =>
  failure(
    `Source hash ${text} format is invalid. The supported formats are: 1) a hash, 2) an expression in the format <hash_type>=<hash>, or 3) either a path to a local file containing hashes, or a URI of a remote hash file. Supported protocols for remote hash files are: salt, http, https. The hash may also not be of a valid length, the following are supported hash types and lengths: ${Object.entries(
      TYPES,
    )
      .map(([length, type]) => `${type} (${length})`)
      .reverse()
      .join(', ')}.`,
  )
