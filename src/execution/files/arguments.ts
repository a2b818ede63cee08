// Arguments that several file states take, in Salt's names.
import { z } from 'zod'
import { modeOf } from './perms.ts'

export const name = z.string().min(1).describe('its path, absolute')
export const show_changes = z.boolean().default(true).describe('whether the diff is among the changes')

const MODE = "an octal mode such as '0644', 644 or '4755'"

const octal = (value: string | number, ctx: z.RefinementCtx): string => {
  const mode = modeOf(value)
  if (mode === undefined) ctx.addIssue({ code: 'custom', message: `'${value}' is not ${MODE}` })
  return mode ?? ''
}

export const mode = (what: string) =>
  z.union([z.string(), z.number()]).transform(octal).nullish().describe(`${what}: ${MODE}`)

/** A mode, or `keep`. */
export const modeOrKeep = (what: string) =>
  z
    .union([z.string(), z.number()])
    .transform((value, ctx) => (value === 'keep' ? 'keep' : octal(value, ctx)))
    .nullish()
    .describe(`${what}: ${MODE}; or keep: those that the source has`)

const owner = z.union([z.string(), z.number().int().min(0)]).nullish()
export const user = owner.describe('who owns it, by name or id')
export const group = owner.describe('its group, by name or id')

const map = z.record(z.string(), z.unknown()).nullish()
export const templating = {
  template: z.literal('jinja').nullish().describe('jinja: it is rendered, with grains, pillar and salt in it'),
  context: map.describe('names that the template sees, over defaults'),
  defaults: map.describe('names that the template sees unless context has them'),
}

export const makedirs = z.boolean().default(false).describe('makes the folders above it that are missing')
export const exclude_pat = z
  .string()
  .nullish()
  .describe('paths that are left alone: a glob, or E@ and a regular expression, over the path from the folder')

export const backup = z
  .union([z.literal('minion'), z.literal(''), z.literal(false)], {
    error: "'minion' keeps a copy on the minion; no other kind of backup is supported",
  })
  .nullish()
  .transform(value => value === 'minion')
  .describe("minion: a copy of the file as it was is kept in file_backup of the minion's folder")

/** What a copy beside an edited file ends in. */
export const suffix = z
  .union([z.string().regex(/^[^/\0]*$/, 'it is the end of a file name, without a slash'), z.literal(false)])
  .nullish()
  .transform(value => value || '')

export const sourcing = {
  source_hash: z
    .string()
    .nullish()
    .describe('its checksum: sha256=…, the hash alone, or a file of hashes (salt://, a path, https://)'),
  source_hash_name: z.string().nullish().describe('the name that its line in a file of hashes has'),
  skip_verify: z.boolean().default(false).describe('takes a download without a checksum'),
}

export const source = z
  .union([z.string(), z.array(z.union([z.string(), z.record(z.string(), z.string())]))])
  .nullish()
  .describe('salt://path, an absolute path of the minion, http:// or https://; a list: the first that is there')
