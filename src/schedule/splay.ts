// Slots moved by a random time, which follows from who runs which slot: asked again, it is the same.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'

export interface Splay {
  fromMs: number
  toMs: number
}

/** Seconds, or a duration such as `5m`. */
export const lengthSchema = z.union([z.number().nonnegative(), z.string().min(1)])
export const splaySchema = z.union(
  [lengthSchema, z.strictObject({ start: lengthSchema, end: lengthSchema })],
  'must be seconds, a duration such as 30s, or a map of start and end',
)

/** Throws `bad_argument`. */
export function readSplay(given: z.output<typeof splaySchema>): Splay {
  const { start, end } = typeof given === 'object' ? given : { start: 0, end: given }
  const splay = { fromMs: parseDuration(start), toMs: parseDuration(end) }
  if (splay.fromMs <= splay.toMs) return splay
  throw new ReactorError('bad_argument', `the splay ends (${end}) before it starts (${start})`)
}

/** Milliseconds after the slot, evenly spread from `fromMs` to `toMs`. */
export function splayOf({ fromMs, toMs }: Splay, who: string, name: string, slot: number): number {
  const digest = createHash('sha256').update(`${who}\n${name}\n${slot}`).digest()
  return Math.round(fromMs + (digest.readUInt32BE(0) / 0xffff_ffff) * (toMs - fromMs))
}
