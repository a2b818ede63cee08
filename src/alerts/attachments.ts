// Files and texts that go with a mail: read before anything is sent, and never more than the bound.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, isAbsolute } from 'node:path'
import { z } from 'zod'
import { errorMessage, ReactorError } from '../base/errors.ts'
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
  .describe('absolute path, {filename, content, encoding}, or a list of them')

export interface Attachment {
  filename: string
  content: Buffer
}

/** The attachments as bytes. Throws `bad_argument` for a file that is missing, no file, relative or too large. */
export async function readAttachments(value: z.output<typeof attachmentsSchema> | undefined): Promise<Attachment[]> {
  const read: Attachment[] = []
  let left = MAX_ATTACHMENTS
  for (const entry of value === undefined ? [] : [value].flat()) {
    const attachment = typeof entry === 'string' ? await readPath(entry, left) : decode(entry)
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

async function readPath(path: string, left: number): Promise<Attachment> {
  if (!isAbsolute(path)) {
    throw new ReactorError('bad_argument', `attachments: '${path}' is not absolute; write the whole path of the file`)
  }
  const filename = headerText('attachments', basename(path))
  try {
    // Without O_NONBLOCK, opening a pipe would wait for a writer that never comes.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const found = await file.stat()
      if (!found.isFile()) throw new ReactorError('bad_argument', `attachments: '${path}' is not a regular file`)
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
      return { filename, content: buffer.subarray(0, length) }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof ReactorError) throw error
    throw new ReactorError('bad_argument', `attachments: cannot read '${path}': ${errorMessage(error)}`)
  }
}

function tooLarge(name: string): ReactorError {
  return new ReactorError(
    'bad_argument',
    `attachments: '${name}' goes beyond the ${MAX_ATTACHMENTS / 1024 / 1024} MiB that all attachments may have together`,
  )
}
