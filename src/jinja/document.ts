// Whole documents: files with Jinja in them, which may define macros and load other files. The rendering is synchronous; what it
// needs from elsewhere is there, or is thrown out of it and rendered anew (replay.ts).
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Documents } from './callable.ts'
import { faultyLine, lineAt, type SourceFile } from './excerpt.ts'
import { documentScope } from './globals.ts'
import { parseTemplate } from './parse.ts'
import { innerScope, type Scope } from './scope.ts'
import { compileBody, type Run } from './statements.ts'
import type { Budget, Limits, Value } from './values.ts'

/** Of one document, all files that it loads and all its renderings included. */
export const DOCUMENT_LIMITS: Limits = { steps: 10_000_000, characters: 128_000_000 }

const compiled = new Map<string, Run>()
const MOST_KEPT = 2_000
const LONGEST_KEPT = 100_000

/** Throws `template` in Salt's words, with the line. */
function compileDocument(file: SourceFile): Run {
  const key = `${file.path}\0${file.text}`
  const before = compiled.get(key)
  if (before) return before
  const run = compileText(file)
  if (file.text.length > LONGEST_KEPT) return run
  if (compiled.size >= MOST_KEPT) compiled.clear()
  compiled.set(key, run)
  return run
}

function compileText(file: SourceFile): Run {
  try {
    return compileBody(parseTemplate(file.text, true), file)
  } catch (error) {
    if (!(error instanceof ReactorError) || error.details.line !== undefined) throw error
    const at = typeof error.details.at === 'number' ? error.details.at : 0
    throw faultyLine(`Jinja syntax error: ${error.message}`, file, lineAt(file.text, at), error)
  }
}

/** Throws `template` in Salt's words, with the line; what is thrown by `documents` and the functions among `names` passes through. */
export function renderDocument(
  file: SourceFile,
  names: Readonly<Record<string, Value>>,
  budget: Budget,
  documents: Pick<Documents, 'load' | 'namesOf' | 'tags'>,
): string {
  try {
    const given = { ...names, ...documents.namesOf(file.path) }
    return write(file, innerScope(documentScope(given, budget, { ...documents, write, depth: 0 })))
  } catch (error) {
    // Deep recursion through values that hold themselves ends in the engine's own error.
    if (error instanceof RangeError)
      throw faultyLine(`Jinja error: the template cannot be rendered: ${errorMessage(error)}`, file, 1)
    throw error
  }
}

function write(file: SourceFile, scope: Scope): string {
  const out: string[] = []
  compileDocument(file)(scope, out)
  return out.join('')
}
