// Files and texts that go with a mail: read before anything is sent, and never more than the bound.
import { basename } from 'node:path'
import { z } from 'zod'
import { openConfined } from '../base/confined-path.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Guard } from '../functions/guards.ts'
import { headerText } from './addresses.ts'

/** Most bytes of all attachments of one mail together. */
const MAX_ATTACHMENTS = 10 * 1024 * 1024
const ENCODED = { base64: /^[A-Za-z0-9+/\s]*={0,2}\s*$/, hex: /^(?:[0-9a-fA-F]{2})*$/ }

const attachmentSchema = z.union([
  z.string().min(1),
  z.strictObject({
    filename: z.string().min(1),
    content: z.string(),
    encoding: z.enum(['utf8', 'base64', 'hex']).default('utf8'),
  }),
])
export const attachmentsSchema = z
  .union([attachmentSchema, z.array(attachmentSchema)])
  .describe('absolute path below attachment_dirs of the profile, {filename, content, encoding}, or a list of them')

/** What came with an event may be the name and the content of an attachment, and never a path of this machine. */
export const attachmentGuard: Guard = {
  as: 'a path of the machine that sends the mail',
  problem: (_value, path) =>
    ['filename', 'content'].includes(String(path.at(-1)))
      ? undefined
      : 'give it as {filename, content}, with the value in content',
}

export interface Attachment {
  filename: string
  content: Buffer
}

/**
 * The attachments as bytes. Throws `bad_argument` for a file that is missing, no file, relative, outside of `dirs` or too
 * large.
 */
export async function readAttachments(
  value: z.output<typeof attachmentsSchema> | undefined,
  dirs: readonly string[] = [],
): Promise<Attachment[]> {
  const read: Attachment[] = []
  let left = MAX_ATTACHMENTS
  for (const entry of value === undefined ? [] : [value].flat()) {
    const attachment = typeof entry === 'string' ? await readPath(entry, left, dirs) : decode(entry)
    left -= attachment.content.length
    if (left < 0) throw tooLarge(attachment.filename)
    read.push(attachment)
  }
  return read
}

function decode(entry: { filename: string; content: string; encoding: 'utf8' | 'base64' | 'hex' }): Attachment {
  const { content, encoding } = entry
  const filename = headerText('attachments.filename', entry.filename)
  if (encoding !== 'utf8' && !ENCODED[encoding].test(content)) {
    throw new ReactorError('bad_argument', `attachments: the content of '${filename}' is not ${encoding}`)
  }
  return { filename, content: Buffer.from(content, encoding) }
}

async function readPath(path: string, left: number, dirs: readonly string[]): Promise<Attachment> {
  if (dirs.length === 0) {
    throw new ReactorError(
      'bad_argument',
      `attachments: '${path}' is a file of this machine: name its folder in attachment_dirs of the smtp profile, or give {filename, content}`,
    )
  }
  const file = await openConfined(path, dirs, 'attachments')
  try {
    const found = await file.stat()
    if (found.size > left) throw tooLarge(path)
    // One byte more than allowed, so that a file that grows meanwhile is noticed and not cut.
    const buffer = Buffer.alloc(found.size + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === buffer.length) break
    }
    if (length > found.size) {
      throw new ReactorError('bad_argument', `attachments: '${path}' grew while it was read; attach a finished file`)
    }
    return { filename: headerText('attachments', basename(path)), content: buffer.subarray(0, length) }
  } catch (error) {
    if (error instanceof ReactorError) throw error
    throw new ReactorError('bad_argument', `attachments: cannot read '${path}': ${errorMessage(error)}`)
  } finally {
    await file.close()
  }
}

function tooLarge(name: string): ReactorError {
  return new ReactorError(
    'bad_argument',
    `attachments: '${name}' goes beyond the ${MAX_ATTACHMENTS / 1024 / 1024} MiB that all attachments may have together`,
  )
}
