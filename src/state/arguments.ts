// Arguments that the functions of module `state` share, and the options of a run that they come to.
import { z } from 'zod'
import { fixed, pillarValues } from '../functions/guards.ts'
import type { StateRunOptions } from '../functions/states.ts'

const names = (text: string | string[]): string[] =>
  [text]
    .flat()
    .flatMap(one => one.split(','))
    .map(one => one.trim())
    .filter(one => one !== '')

export const modsText = z.union([z.string(), z.array(z.string())]).transform(names)
export const mods = modsText
  .refine(list => list.length > 0, 'expected the name of an SLS')
  .describe('SLS names: a list, or a text with commas')
export const testMode = z.boolean().optional().describe('True: only say what would be done')
export const queue = z
  .union([z.boolean(), z.number().int().min(0)])
  .optional()
  .describe('wait for a state run that goes on, instead of being refused; a number: with at most so many that wait')
export const exclude = z
  .union([z.string().transform(names), z.array(z.union([z.string(), z.record(z.string(), z.unknown())]))])
  .optional()
  .describe('SLS names, or {id: …} and {sls: …}, that are left out')
export const where = {
  saltenv: z.string().optional().describe('environment of file_roots; default: base, or all that the top file names'),
  pillar: z.record(z.string(), z.unknown()).optional().describe("values laid over the minion's pillar"),
  pillarenv: z.string().optional().describe('environment of pillar_roots'),
}
export const concurrent = z.boolean().optional().describe('run beside another state run')

export const which = fixed('which states are run')
export const guards = {
  mods: which,
  test: which,
  exclude: which,
  queue: which,
  saltenv: which,
  pillarenv: which,
  pillar: pillarValues,
  concurrent: which,
}

export type Mods = { mods?: string[] | undefined }
export type Given = { [K in keyof StateRunOptions]?: StateRunOptions[K] | undefined }

export const forMods = { test: testMode, exclude, queue, ...where, concurrent }

/** Without what was not given. */
export const optionsOf = ({
  saltenv,
  pillarenv,
  pillar,
  test,
  exclude,
  queue,
  concurrent,
  id,
  fun,
}: Given): StateRunOptions =>
  Object.fromEntries(
    Object.entries({ saltenv, pillarenv, pillar, test, exclude, queue, concurrent, id, fun }).filter(
      ([, value]) => value !== undefined,
    ),
  )
