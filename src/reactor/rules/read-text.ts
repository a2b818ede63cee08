// The text of one rule file to rule documents, every problem at its line and column, with pauses between documents.
import { basename, extname } from 'node:path'
import { Composer, type Document, isMap, LineCounter, Parser, type YAMLError } from 'yaml'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import type { Path } from './path.ts'
import type { RuleProblem } from './problem.ts'
import { quoteHint, strayAnchor } from './quote.ts'
import { type PlacedAction, placedActions } from './read-actions.ts'
import { MAX_FILE, tooLarge } from './read-file.ts'
import { readRule } from './read-rule.ts'
import type { RuleAction, RuleDocument } from './schema.ts'
import { badKeys, createPlaces, jsonProblems, type Place } from './yaml-place.ts'

/** `warnings` are about rules that load. */
export interface LoadedRules {
  rules: RuleDocument[]
  problems: RuleProblem[]
  warnings: RuleProblem[]
}

/** Something about an action of a sound rule; `path` begins at the action's parameters. */
export interface ActionFinding {
  path: Path
  at?: 'key'
  message: string
  /** A warning leaves the rule as good as any. */
  warning: boolean
}
export type ActionCheck = (action: RuleAction) => ActionFinding[]

const MAX_ALIASES = 100
const NO_FACTS: ReadonlySet<string> = new Set()
/** What people would write has few mistakes; a hint looks at the whole line, and garbage is one long line. */
const MAX_HINTS = 100

/** What is known of the world that rules name. */
export interface Known {
  checkAction?: ActionCheck
  /** Names of the user's own facts. */
  facts?: ReadonlySet<string>
}

/** Pauses wherever the caller may let others run. */
export function* readText(file: string, text: string, known: Known = {}): Generator<undefined, LoadedRules> {
  const loaded: LoadedRules = { rules: [], problems: [], warnings: [] }
  if (text.length > MAX_FILE) {
    loaded.problems.push({ file, line: 1, column: 1, message: tooLarge(text.length) })
    return loaded
  }
  const lines = new LineCounter()
  const documents: Document.Parsed[] = []
  try {
    const composer = new Composer({ uniqueKeys: true, prettyErrors: false, logLevel: 'error' })
    for (const document of composer.compose(new Parser(lines.addNewLine).parse(text))) {
      if (document.errors.length > 0 || !isEmpty(document)) documents.push(document)
      yield
    }
  } catch (error) {
    // The YAML parser throws only where it gives up, such as on nesting that exhausts the stack.
    loaded.problems.push({ file, line: 1, column: 1, message: `no readable YAML: ${errorMessage(error)}` })
    return loaded
  }
  const unnamed = documents.filter(document => nameIn(document) === undefined).length
  const fallback = unnamed === 1 ? basename(file, extname(file)) : undefined
  const taken = new Map<string, number>()
  for (const document of documents) {
    readDocument({ file, text, lines, document, fallback, taken, loaded, known })
    yield
  }
  return loaded
}

interface Reading {
  file: string
  text: string
  lines: LineCounter
  document: Document.Parsed
  /** The name of a document that gives none. */
  fallback: string | undefined
  /** Lines of the rules before this one. */
  taken: Map<string, number>
  loaded: LoadedRules
  known: Known
}

function readDocument(reading: Reading): void {
  const { file, text, lines, document, fallback, taken, loaded, known } = reading
  const places = createPlaces(document, lines)
  const value = plainValue(document)
  const name = nameIn(document) ?? (document.errors.length === 0 ? fallback : undefined)
  const problem = (place: Place, message: string): RuleProblem => ({
    file,
    ...place,
    ...(name === undefined ? {} : { rule: name }),
    message,
  })
  const found: RuleProblem[] = []
  const said = new Set<string>()
  const add = (place: Place, message: string): void => {
    // One slip of the pen gives YAML several reasons to complain.
    const key = `${place.line} ${message}`
    if (!said.has(key)) found.push(problem(place, message))
    said.add(key)
  }
  // Each look is worth taking only where those before it found nothing.
  const looks: (() => void)[] = [
    () => {
      for (const [index, error] of [...document.errors, ...document.warnings].entries())
        add(placeOf(error, lines), (index < MAX_HINTS ? quoteHint(text, error.pos[0]) : undefined) ?? error.message)
    },
    () => {
      const stray = strayAnchor(document)
      const hint = stray === undefined ? undefined : strayHint(text, stray)
      if (hint) add(places.ofOffset(hint.offset), hint.message)
      else if (value instanceof ReactorError) add(places.find([]), value.message)
    },
    () => {
      for (const { node, message } of badKeys(document))
        add(places.ofNode(node), quoteHint(text, places.offset(node)) ?? message)
    },
    () => {
      for (const bad of jsonProblems(value)) add(places.find(bad.path), bad.message)
    },
    () => {
      const bad: Path[] = []
      const rule = readRule(value, fallback, known.facts ?? NO_FACTS, (path, message, at) => {
        bad.push(path)
        add(places.find(path, at), message)
      })
      const twin = taken.get(rule.rule)
      if (found.length === 0 && twin !== undefined)
        add(places.find(['rule']), `the rule name '${rule.rule}' is taken on line ${twin}`)
      const loads = found.length === 0
      if (loads) {
        const { line } = places.find([])
        taken.set(rule.rule, line)
        loaded.rules.push({ ...rule, source: { file, line } })
      }
      for (const { action, path: own, isKey } of actionsOf(value)) {
        if (bad.some(path => startsWith(path, own))) continue
        for (const { path, message, at, warning } of known.checkAction?.(action) ?? []) {
          // A bare `- runner.x.y` has no key to point at.
          const place = places.find([...own, ...path], path.length > 0 || isKey ? at : undefined)
          if (!warning) found.push(problem(place, message))
          else if (loads) loaded.warnings.push(problem(place, message))
        }
      }
    },
  ]
  for (const look of looks) if (found.length === 0) look()
  for (const one of found) loaded.problems.push(one)
}

/** Of what is no rule: none. */
const actionsOf = (value: unknown): PlacedAction[] =>
  isObject(value) ? (['do', 'on_failure'] as const).flatMap(key => placedActions(value[key], key)) : []

const startsWith = (path: Path, start: Path): boolean => start.every((part, index) => path[index] === part)

function nameIn(document: Document.Parsed): string | undefined {
  const name: unknown = isMap(document.contents) ? document.get('rule') : undefined
  return typeof name === 'string' ? name : undefined
}

function isEmpty(document: Document.Parsed): boolean {
  return document.contents === null || (document.contents as { value?: unknown }).value === null
}

function plainValue(document: Document.Parsed): unknown {
  if (document.errors.length > 0) return undefined
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (error) {
    return new ReactorError('bad_rule', errorMessage(error), {}, error)
  }
}

function strayHint(text: string, stray: number): { offset: number; message: string } | undefined {
  const offset = stray + (/^[:\s]*/.exec(text.slice(stray, stray + 100))?.[0].length ?? 0)
  const message = quoteHint(text, offset)
  return message === undefined ? undefined : { offset, message }
}

function placeOf(error: YAMLError, lines: LineCounter): Place {
  const { line, col } = lines.linePos(error.pos[0])
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}
