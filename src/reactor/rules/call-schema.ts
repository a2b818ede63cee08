// The shape of one action as people write it, `kind.module.function: arguments`, for editors.
import { z } from 'zod'
import { RET_CONFIG } from '../../protocol/returning.ts'
import { TARGET_TYPES } from '../../protocol/target.ts'

const named = z.record(z.string(), z.unknown())
const callArguments = {
  args: z
    .union([z.array(z.unknown()), named, z.null()])
    .optional()
    .describe('a list (positional) or a map (named)'),
  kwargs: z.union([named, z.null()]).optional().describe('named arguments'),
  arg: z
    .union([z.array(z.unknown()), named, z.null()])
    .optional()
    .describe('the same as args'),
  kwarg: z.union([named, z.null()]).optional().describe('the same as kwargs'),
}
const localParams = z.strictObject({
  tgt: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .describe('which minions: a glob, or a list of ids'),
  tgt_type: z.enum(TARGET_TYPES).optional(),
  ret: z
    .string()
    .regex(/^\s*[a-z][a-z0-9_]*\s*(,\s*[a-z][a-z0-9_]*\s*)*$/)
    .optional()
    .describe('returners that take the returns besides the job cache, with commas; no template'),
  ret_config: z
    .string()
    .regex(RET_CONFIG)
    .optional()
    .describe('their settings under this name come before their others'),
  ret_kwargs: named.optional().describe('settings of theirs that come before all others'),
  ...callArguments,
})
const serviceParams = z
  .union([z.array(z.unknown()), named, z.null()])
  .describe('a map (named), a list (positional) or nothing')
const functionPart = '[A-Za-z_]\\w*\\.[A-Za-z_]\\w*$'

export const callSchema = z
  .union([
    z.string().regex(new RegExp(`^(runner|wheel)\\.${functionPart}`)),
    oneKey(z.record(z.string().regex(new RegExp(`^local\\.${functionPart}`)), localParams)),
    oneKey(z.record(z.string().regex(new RegExp(`^(runner|wheel)\\.${functionPart}`)), serviceParams)),
  ])
  .meta({ id: 'action' })

function oneKey<T extends z.ZodType>(schema: T): T {
  return schema
    .refine(value => Object.keys(value as object).length === 1, 'one function a map')
    .meta({ minProperties: 1, maxProperties: 1 }) as T
}
