// The content that a file is to have, fetched only where it is needed.

import { readFile } from 'node:fs/promises'
import type { StateContext } from '../../functions/state-context.ts'
import type { Fetched } from './fetch.ts'
import { findSource, rendered, type SourceAsked, type TemplateAsked, templateText } from './source.ts'
import { type Content, hashFile } from './write.ts'

export interface Desired {
  /** Whether the file at `path`, of that many bytes, has it. */
  isIn(path: string, size: number): Promise<boolean>
  content(): Promise<Content>
  /** Throws a failure where what was written, with this sha256, is not all of it. */
  requireWhole(hsum: string): Promise<void>
  /** Permissions of its source, where it has such. */
  sourceMode: number | undefined
  release(): Promise<void>
}

export interface DesiredAsked extends Omit<SourceAsked, 'source'>, TemplateAsked {
  name: string
  source?: SourceAsked['source'] | null | undefined
}

/** `contents`: what the state itself says. Throws a failure where its source is missing or wrong. */
export async function desiredContent(
  asked: DesiredAsked,
  contents: string | undefined,
  context: StateContext,
): Promise<Desired> {
  const { source, template, name } = asked
  if (!source?.length)
    return ofText(
      template && contents !== undefined ? await rendered(contents, asked, name, context) : (contents ?? ''),
      undefined,
    )
  const found = await findSource({ ...asked, source }, name, context)
  if (template) {
    const text = await templateText(found)
    return ofText(await rendered(text, asked, found.source, context), found.mode)
  }
  const { checksum, size } = found
  let fetched: Fetched | undefined
  const content = async () => {
    fetched ??= await found.fetch()
    return { file: fetched.path }
  }
  return {
    async isIn(path, sizeThere) {
      if (size !== undefined && size !== sizeThere) return false
      const { hash_type, hsum } = checksum ?? {
        hash_type: 'sha256',
        hsum: await hashFile((await content()).file),
      }
      return (await hashFile(path, hash_type)) === hsum
    },
    content,
    requireWhole: found.requireWhole,
    sourceMode: found.mode,
    release: async () => fetched?.release(),
  }
}

function ofText(text: string, sourceMode: number | undefined): Desired {
  const bytes = Buffer.from(text)
  return {
    isIn: async (path, size) => size === bytes.length && (await readFile(path)).equals(bytes),
    content: async () => ({ text }),
    requireWhole: async () => undefined,
    sourceMode,
    release: async () => undefined,
  }
}
