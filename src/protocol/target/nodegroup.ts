// Nodegroups: targets that the config gives a name. They may name each other, but not in a circle.
import { didYouMean } from '../../base/suggest.ts'
import { compileCompound, operatorMeant } from './compound.ts'
import { compileList } from './plain.ts'
import { badTarget, type Source, show } from './problem.ts'
import { type Compiled, type Compiling, MAX_DEPTH } from './types.ts'
import { LETTERED, type Word, wordsOf, wordsOfList } from './words.ts'

/** Throws `bad_argument` on an unknown name, on a circle, and on a definition that is malformed. */
export function compileGroup(name: string, env: Compiling): Compiled {
  const { nodegroups } = env.context
  if (!Object.hasOwn(nodegroups, name)) {
    const names = Object.keys(nodegroups)
    const known = names.length === 0 ? 'the config defines none' : `the config defines ${listNames(names)}`
    throw badTarget(`unknown nodegroup ${show(name)}: ${known}.${didYouMean(name, names)}`)
  }
  const circle = env.path.indexOf(name)
  if (circle >= 0)
    throw badTarget(`nodegroups in a circle: ${[...env.path.slice(circle), name].map(show).join(' → ')}`, { at: 0 })
  const known = env.groups.get(name)
  const height = known?.height ?? 0
  if (env.depth + height >= MAX_DEPTH)
    throw badTarget(`parentheses and nodegroups nested more than ${MAX_DEPTH} deep at nodegroup ${show(name)}`)
  if (known) return known
  env.path.push(name)
  env.depth++
  const inner = compileDefinition(name, nodegroups[name], env)
  const compiled = { ...inner, height: inner.height + 1 }
  env.depth--
  env.path.pop()
  env.groups.set(name, compiled)
  return compiled
}

function compileDefinition(group: string, definition: string | string[] | undefined, env: Compiling): Compiled {
  const items = Array.isArray(definition) ? definition.map(String) : undefined
  const source: Source = { text: items ? items.join(' ') : String(definition), group }
  const words = items ? wordsOfList(items, source) : wordsOf(source)
  if (words.length === 0)
    throw badTarget(`nodegroup ${show(group)} is empty: it is a compound expression, or a list of its words`)
  if (words.every(isPlainId)) return compileList(words.flatMap(word => word.text.split(',')))
  return compileCompound(words, source, env)
}

/** Names alone, without operators and wildcards, are a list of ids. */
const isPlainId = ({ kind, text }: Word): boolean =>
  kind === 'operand' &&
  !/[*?[\]\s]/u.test(text) &&
  !LETTERED.test(text) &&
  !/^.\W?@/u.test(text) &&
  !operatorMeant(text)

const listNames = (names: readonly string[]): string =>
  names.length <= 10
    ? names.map(show).join(', ')
    : `${names.slice(0, 10).map(show).join(', ')} and ${names.length - 10} more`
