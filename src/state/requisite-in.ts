// Requisites that are declared at the other end (`require_in`, …), and arguments that one state takes from another (`use`).
import { isObject } from '../base/json.ts'
import { cannotExtend, extend } from './extend.ts'
import { modulesOf } from './read-sls.ts'
import { createTargets, type Targets } from './targets.ts'
import type { Arg, Body } from './types.ts'
import { isRequisiteWord, REQUISITE_IN_WORDS, USE_WORDS } from './words.ts'

interface Addition {
  id: string
  module: string
  args: Arg[]
}

/** Works them into the states that they mean. What is wrong is pushed to `errors`. */
export function applyRequisitesIn(declared: ReadonlyMap<string, Body>, errors: string[]): void {
  let targets: Targets | undefined
  // Told first and done after: what one state takes from another is what that one declares itself, as Salt has it.
  const additions: Addition[] = []
  // One list for all that require themselves in by one word, which else would be copied for each of them.
  const lists = new Map<string, Record<string, string>[]>()
  const requireIn = (id: string, module: string, word: string, reference: Record<string, string>) => {
    const key = `${word}\0${module}\0${id}`
    const list = lists.get(key)
    if (list) list.push(reference)
    else {
      const own = [reference]
      lists.set(key, own)
      additions.push({ id, module, args: [{ [word]: own }] })
    }
  }
  for (const [id, body] of declared)
    for (const [module, args] of modulesOf(body))
      for (const arg of args) {
        if (typeof arg === 'string') continue
        const [word, references] = Object.entries(arg)[0]!
        if (!REQUISITE_IN_WORDS.has(word) && !USE_WORDS.has(word)) continue
        for (const reference of references as unknown[]) {
          const [wanted, name] = isObject(reference) ? Object.entries(reference)[0]! : ['id', reference]
          targets ??= createTargets(declared)
          const found = targets.meant(wanted, name as string)
          if (found.length === 0) errors.push(cannotExtend(name as string, body))
          for (const [other, of] of found) {
            const theirs = declared.get(other)![of] as Arg[]
            if (word === 'use') additions.push({ id, module, args: taken(theirs, args) })
            else if (word === 'use_in') additions.push({ id: other, module: of, args: taken(args, theirs) })
            else requireIn(other, of, word.slice(0, -'_in'.length), { [module]: id })
          }
        }
      }
  for (const { id, module, args } of additions) extend(declared.get(id)!, module, args)
}

/** What `use` carries over: no requisites, no names, no place in the order, and nothing that the other has itself. */
function taken(from: readonly Arg[], to: readonly Arg[]): Arg[] {
  const has = new Set(to.flatMap(arg => (typeof arg === 'string' ? [] : Object.keys(arg))))
  return from.filter(arg => {
    if (typeof arg === 'string') return false
    const word = Object.keys(arg)[0]!
    return !has.has(word) && !isRequisiteWord(word) && word !== 'name' && word !== 'names'
  })
}
