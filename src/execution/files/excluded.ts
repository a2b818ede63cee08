// Files that a watch passes over, as Salt's beacon `inotify` has them.
import { z } from 'zod'
import { createFnmatch } from '../../protocol/fnmatch.ts'
import { configuredPattern, readAs } from '../pattern.ts'

const listed = z.array(
  z.union(
    [
      z.string().min(1),
      z.record(z.string().min(1), z.strictObject({ regex: z.boolean() })).refine(one => Object.keys(one).length === 1),
    ],
    "expected a path, or one pattern as '\\.swp$: {regex: true}'",
  ),
)

/** What is excluded, by its path. */
export const excludeOption = listed
  .transform(readAs(excluded))
  .describe('paths with all in them, globs over whole paths where they hold a *, or patterns with { regex: true }')

function excluded(list: z.output<typeof listed>): (path: string) => boolean {
  const tests = list.map(one => {
    if (typeof one === 'string') return literal(one)
    const [[text, { regex }]] = Object.entries(one) as [[string, { regex: boolean }]]
    return regex ? configuredPattern(text, 'search') : literal(text)
  })
  return path => tests.some(test => test(path))
}

function literal(text: string): (path: string) => boolean {
  if (text.includes('*')) return createFnmatch(text)
  const folder = text.replace(/\/+$/, '')
  return path => path === folder || path.startsWith(`${folder}/`)
}
