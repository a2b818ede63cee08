// Arguments of the states that edit a file: append and prepend, replace, blockreplace.
import { z } from 'zod'
import { filePath } from '../../functions/guards.ts'
import { makedirs, name, show_changes, source, sourcing, suffix, templating } from './arguments.ts'
import { content, sources } from './guards.ts'

const text = z
  .union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))])
  .nullish()
  .describe('a text of one or several lines, or a list of such; each is added where it is missing')
export const addingArgs = {
  name,
  text,
  makedirs,
  source,
  ...sourcing,
  ...templating,
  ignore_whitespace: z.boolean().default(true).describe('lines that differ in white space alone are the same'),
}
export const addingGuards = { name: filePath, text: content, ...sources }

export const replaceArgs = {
  name,
  pattern: z.string().min(1).describe('the regular expression'),
  repl: z
    .union([z.string(), z.number()])
    .transform(String)
    .describe('what takes its place; \\1 and \\g<name> are groups'),
  count: z.number().int().min(0).default(0).describe('how many are replaced at most, 0: all'),
  flags: z
    .union([z.number().int().min(0), z.string(), z.array(z.union([z.string(), z.number()]))])
    .default(8)
    .describe('names or the number of IGNORECASE (2), MULTILINE (8), DOTALL (16)'),
  append_if_not_found: z.boolean().default(false).describe('puts the content at the end where nothing is found'),
  prepend_if_not_found: z.boolean().default(false).describe('puts it at the beginning'),
  not_found_content: z.string().nullish().describe('that content; default: repl'),
  backup: suffix.default('.bak').describe('what the name of a copy of the old file ends in; False: no copy is kept'),
  show_changes,
  ignore_if_missing: z.boolean().default(false).describe('True: a file that is not there is no failure'),
  backslash_literal: z.boolean().default(false).describe('True: repl is taken as it is, without groups and escapes'),
}
export const replaceGuards = {
  name: filePath,
  pattern: content,
  repl: content,
  not_found_content: content,
  backup: filePath,
}

const marker = (which: string, text: string) =>
  z
    .string()
    .min(1)
    .regex(/^[^\r\n]*$/, 'it is one line')
    .default(text)
    .describe(`what the line has in it that ${which} the block`)

export const blockreplaceArgs = {
  name,
  marker_start: marker('begins', '#-- start managed zone --'),
  marker_end: marker('ends', '#-- end managed zone --'),
  content: z.string().default('').describe('the lines'),
  source,
  ...sourcing,
  ...templating,
  append_if_not_found: z.boolean().default(false).describe('puts a block that is not there at the end'),
  prepend_if_not_found: z.boolean().default(false).describe('puts it at the beginning'),
  insert_before_match: z.string().nullish().describe('puts it before the first line that this pattern finds'),
  insert_after_match: z.string().nullish().describe('puts it behind that line'),
  backup: suffix.default('.bak').describe('what the name of a copy of the old file ends in; False: no copy is kept'),
  show_changes,
}
export const blockreplaceGuards = {
  ...{ name: filePath, ...sources, content, marker_start: content, marker_end: content, backup: filePath },
  ...{ insert_before_match: content, insert_after_match: content },
}
