// `extend`: what an SLS changes of states that others declare. Salt's reconcile_extend.
import { createFnmatch } from '../protocol/fnmatch.ts'
import type { Gathered } from './include.ts'
import { modulesOf } from './read-sls.ts'
import { createTargets } from './targets.ts'
import type { Arg, Body } from './types.ts'
import { isRequisiteWord } from './words.ts'

/** Works the extensions into what is declared. What is wrong is pushed to `errors`. */
export function applyExtends({ declared, extended, excluded }: Gathered, errors: string[]): void {
  if (extended.length === 0) return
  const targets = createTargets(declared)
  const left = excluded.flatMap(item => (typeof item === 'string' ? [item] : 'sls' in item ? [item.sls] : []))
  const isLeft = left.map(createFnmatch)
  for (const [id, body] of extended) {
    const modules = modulesOf(body)
    const found = declared.has(id) ? [id] : targets.named(modules[0]?.[0] ?? '', id)
    if (found.length !== 1) errors.push(cannotExtend(id, body))
    else if (!isLeft.some(matches => matches(body.__sls__)))
      for (const [module, args] of modules) extend(declared.get(found[0]!)!, module, args)
  }
}

/** Salt's words for an extension, or a requisite at the other end, of what is not there. */
export const cannotExtend = (id: string, { __env__, __sls__ }: Pick<Body, '__env__' | '__sls__'>): string =>
  `Cannot extend ID '${id}' in '${__env__}:${__sls__}'. It is not part of the high state.\n` +
  'This is likely due to a missing include statement or an incorrectly typed ID.\n' +
  `Ensure that a state with an ID of '${id}' is available\nin environment '${__env__}' and to SLS '${__sls__}'`

/** Requisites are added to, all else is replaced; the function too. */
export function extend(body: Body, module: string, args: readonly Arg[]): void {
  if (!Object.hasOwn(body, module)) body[module] = []
  const present = body[module] as Arg[]
  for (const arg of args) {
    const word = wordOf(arg)
    const at = present.findIndex(other => wordOf(other) === word)
    if (at < 0) {
      const names = word === 'name' ? present.findIndex(other => wordOf(other) === 'names') : -1
      if (names < 0) present.push(arg)
      else present[names] = arg
    } else if (word !== undefined && isRequisiteWord(word))
      present[at] = { [word]: [...listOf(present[at]!, word), ...listOf(arg, word)] }
    else present[at] = arg
  }
}

const wordOf = (arg: Arg): string | undefined => (typeof arg === 'string' ? undefined : Object.keys(arg)[0])
const listOf = (arg: Arg, word: string): unknown[] => (arg as Record<string, unknown[]>)[word]!
