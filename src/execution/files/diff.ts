// What the changes of a state show of a file's content: a unified diff, or a word where that would be too long, unreadable, or
// would tell a secret.
import { isUtf8 } from 'node:buffer'
import { open, readFile, stat } from 'node:fs/promises'
import { cut } from '../../base/text.ts'
import type { MinionPillar } from '../../functions/minion-data.ts'
import { unifiedDiff } from './unified.ts'
import type { Content } from './write.ts'

const LARGEST = 1024 * 1024
const LONGEST_DIFF = 64 * 1024
const SAMPLE = 8 * 1024

export interface Showing {
  show: boolean
  pillar: Pick<MinionPillar, 'hide'>
}

/** Undefined: they are the same. */
export async function contentDiff(
  before: string,
  after: Content,
  { show, pillar }: Showing,
): Promise<string | undefined> {
  if (!show) return '<show_changes=False>'
  const [old, fresh] = await Promise.all([sizeOf({ file: before }), sizeOf(after)])
  const kind = replacing(await isText({ file: before }), await isText(after))
  if (kind) return kind
  if (old > LARGEST || fresh > LARGEST) return `Replace file of ${old} bytes with one of ${fresh} bytes`
  const [oldBytes, newBytes] = await Promise.all([readFile(before), bytesOf(after)])
  // The sample may have been text, and the rest of it not.
  const whole = replacing(isTextual(oldBytes), isTextual(newBytes))
  if (whole) return oldBytes.equals(newBytes) ? undefined : whole
  return textDiff(oldBytes.toString(), newBytes.toString(), { show, pillar })
}

/** Undefined: they are the same. */
export function textDiff(before: string, after: string, { show, pillar }: Showing): string | undefined {
  if (before === after) return undefined
  if (!show) return '<show_changes=False>'
  // A secret that is replaced is in the old text alone, and no longer known as one: so nothing of either is shown.
  if (pillar.hide(before) !== before || pillar.hide(after) !== after) return '<secrets of the pillar: no diff is shown>'
  if (before.length > LARGEST || after.length > LARGEST)
    return `Replace text of ${before.length} characters with one of ${after.length}`
  const diff = unifiedDiff(before, after)
  return diff.length > LONGEST_DIFF
    ? `${cut(diff, LONGEST_DIFF)}\n<${diff.length - LONGEST_DIFF} more characters>`
    : diff
}

function replacing(before: boolean, after: boolean): string | undefined {
  if (before && after) return undefined
  if (!before && !after) return 'Replace binary file'
  return before ? 'Replace text file with binary file' : 'Replace binary file with text file'
}

const sizeOf = async (content: Content): Promise<number> =>
  'file' in content ? (await stat(content.file)).size : Buffer.byteLength(content.text)

const bytesOf = async (content: Content): Promise<Buffer> =>
  'file' in content ? readFile(content.file) : Buffer.from(content.text)

async function isText(content: Content): Promise<boolean> {
  if ('text' in content) return typeof content.text === 'string' || isTextual(content.text)
  const handle = await open(content.file, 'r')
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(SAMPLE), 0, SAMPLE, 0)
    return isTextual(buffer.subarray(0, bytesRead), bytesRead === SAMPLE)
  } finally {
    await handle.close()
  }
}

/** `cutOff`: more follows, so a character may have been cut at its end. */
export function isTextual(bytes: Buffer, cutOff = false): boolean {
  if (bytes.includes(0)) return false
  const ends = cutOff ? [0, 1, 2, 3] : [0]
  return ends.some(left => isUtf8(bytes.subarray(0, bytes.length - left)))
}
