// The shape of what stands under a module of an ID: Salt's verify_high, and what Salt passes over in silence.
import { isObject } from '../base/json.ts'
import { shown } from './shown.ts'
import type { Arg } from './types.ts'
import { isRequisiteWord, OWN_WORDS, REQUISITE_IN_WORDS, REQUISITE_WORDS, USE_WORDS } from './words.ts'

interface Place {
  id: string
  /** As it is written: `file` or `file.managed`. */
  key: string
  sls: string
}

/** The arguments, as a list of the caller's own with one key a map. What is wrong is pushed to `errors`, and left out. */
export function verifyArgs(place: Place, given: unknown, errors: string[]): Arg[] {
  const { id, key, sls } = place
  if (given === null || given === undefined) {
    errors.push(
      `ID '${id}' in SLS '${sls}' contains a short declaration (${key}) with a trailing colon. When not passing any ` +
        'arguments to a state, the colon must be omitted.',
    )
    return []
  }
  if (!Array.isArray(given)) {
    errors.push(`State '${id}' in SLS '${sls}' is not formed as a list`)
    return []
  }
  const seen = new Set<string>()
  const args = given.flatMap((item): Arg[] => {
    if (typeof item === 'string') {
      if (!/\s/.test(item.trim())) return [item]
      errors.push(
        `The function "${item}" in state "${id}" in SLS "${sls}" has whitespace, a function with whitespace is not ` +
          'supported, perhaps this is an argument that is missing a ":"',
      )
      return []
    }
    const entries = isObject(item) ? Object.entries(item) : []
    if (entries.length === 0)
      errors.push(`State '${id}' in SLS '${sls}' has ${shown(item)} among its arguments: write <argument>: <value>`)
    if (entries.length > 1 && entries.some(([word]) => isRequisiteWord(word)))
      errors.push(`Multiple dictionaries defined in argument of state '${id}' in SLS '${sls}'`)
    return entries.flatMap(([word, value]) => {
      if (seen.has(word) && !isRequisiteWord(word))
        errors.push(`The argument '${word}' in state '${id}' in SLS '${sls}' is given twice`)
      seen.add(word)
      return verifyArg(place, word, value, errors)
    })
  })
  return joined(args)
}

/** Two lists of one requisite are one list: Salt would pass over the first. */
function joined(args: readonly Arg[]): Arg[] {
  const lists = new Map<string, unknown[]>()
  return args.filter(arg => {
    if (typeof arg === 'string') return true
    const [word, value] = Object.entries(arg)[0]!
    if (!isRequisiteWord(word)) return true
    const list = lists.get(word)
    if (list) list.push(...(value as unknown[]))
    else lists.set(word, value as unknown[])
    return list === undefined
  })
}

function verifyArg(place: Place, word: string, value: unknown, errors: string[]): Arg[] {
  const { id, sls } = place
  const wrong = (message: string): Arg[] => {
    errors.push(message)
    return []
  }
  if (OWN_WORDS.test(word)) return wrong(`The argument '${word}' in state '${id}' in SLS '${sls}' is Salt's own word`)
  if (word === 'name' && typeof value !== 'string')
    return wrong(
      `The name ${shown(value)} of state '${id}' in SLS '${sls}' is not formed as a string. It may need to be quoted.`,
    )
  if (word === 'order' && typeof value !== 'number' && value !== 'first' && value !== 'last')
    return wrong(`The order ${shown(value)} of state '${id}' in SLS '${sls}' is neither a number nor first or last`)
  if (word === 'failhard' && typeof value !== 'boolean')
    return wrong(`failhard ${shown(value)} of state '${id}' in SLS '${sls}' is neither True nor False`)
  if (word === 'fire_event' && typeof value !== 'boolean' && typeof value !== 'string')
    return wrong(
      `fire_event ${shown(value)} of state '${id}' in SLS '${sls}' is neither True, False nor the end of a tag`,
    )
  if (word === 'names') return verifyNames(place, value, errors)
  if (!isRequisiteWord(word)) return [{ [word]: value }]
  const list =
    !REQUISITE_WORDS.has(word) && isObject(value) ? Object.entries(value).map(([key, of]) => ({ [key]: of })) : value
  if (!Array.isArray(list))
    return wrong(`The ${word} statement in state '${id}' in SLS '${sls}' needs to be formed as a list`)
  return [{ [word]: list.filter(reference => verifyReference(place, word, reference, errors)) }]
}

/** A text, or `{<module>: <name>}`, or `{id: …}`, or `{sls: …}`. */
function verifyReference({ id, sls }: Place, word: string, reference: unknown, errors: string[]): boolean {
  if (typeof reference === 'string') return true
  const [[module, name] = [], ...more] = isObject(reference) ? Object.entries(reference) : []
  const before = errors.length
  if (module === undefined || more.length > 0)
    errors.push(
      `Requisite declaration ${shown(reference)} in state ${id} in SLS ${sls} is not formed as a single key dictionary`,
    )
  else if (module.includes('.'))
    errors.push(
      `Invalid requisite type '${module}' in state '${id}', in SLS '${sls}'. Requisite types must not contain dots, ` +
        `did you mean '${module.slice(0, module.indexOf('.'))}'?`,
    )
  else if (typeof name !== 'string')
    errors.push(`Requisite [${word}: ${module}] in state [${id}] in SLS [${sls}] must have a string as the value`)
  return errors.length === before
}

/** A list of names, each alone or with arguments of its own: `{name: [{argument: value}, …]}`. */
function verifyNames(place: Place, value: unknown, errors: string[]): Arg[] {
  const { id, sls } = place
  const where = `The 'names' argument in state '${id}' in SLS '${sls}'`
  if (!Array.isArray(value) || value.length === 0) {
    errors.push(Array.isArray(value) ? `${where} is empty` : `${where} needs to be formed as a list`)
    return []
  }
  const names = new Map<string, Arg[]>()
  for (const item of value) {
    const [[name, args] = [], ...more] =
      typeof item === 'string' ? [[item, []] as const] : isObject(item) ? Object.entries(item) : []
    if (name === undefined || more.length > 0)
      errors.push(`${where} holds ${shown(item)}: write a name, or {<name>: [<arguments>]}`)
    else if (typeof item !== 'string' && names.has(name)) errors.push(`${where} has '${name}' twice`)
    else if (!names.has(name)) names.set(name, verifyNameArgs(place, name, args, errors))
  }
  return [{ names: [...names].map(([name, args]) => (args.length === 0 ? name : { [name]: args })) }]
}

function verifyNameArgs(place: Place, name: string, given: unknown, errors: string[]): Arg[] {
  return verifyArgs(place, given, errors).filter(arg => {
    const word = typeof arg === 'string' ? arg : Object.keys(arg)[0]!
    const misplaced =
      typeof arg === 'string' ||
      word === 'names' ||
      word === 'name' ||
      REQUISITE_IN_WORDS.has(word) ||
      USE_WORDS.has(word)
    if (misplaced)
      errors.push(`'${word}' cannot be given to the name '${name}' alone, in state '${place.id}' in SLS '${place.sls}'`)
    return !misplaced
  })
}

/** The one function among the arguments. Anything else is pushed to `errors`. */
export function functionOf(place: Place, args: readonly Arg[], errors: string[]): string | undefined {
  const { id, sls } = place
  const functions = args.filter(arg => typeof arg === 'string')
  if (functions.length === 1) return functions[0]
  errors.push(
    functions.length === 0
      ? `No function declared in state '${id}' in SLS '${sls}'`
      : `Too many functions declared in state '${id}' in SLS '${sls}'. Please choose one of the following: ${functions.join(', ')}`,
  )
  return undefined
}
