// What stands on a half-typed command line: the command meant, its options so far, and what the last word is to be.
import type { Argument, Command, Option } from 'commander'

export interface Typed {
  command: Command
  /** Words that are no options, of the innermost command. */
  words: string[]
  /** Options given, by attribute name; true where they take no value. */
  options: Map<string, string | true>
  /** The option whose value the last word is. */
  value: Option | undefined
  /** The argument that the last word is, where the command has one for it. */
  argument: Argument | undefined
  /** Options can no longer stand here. */
  afterDashes: boolean
}

/** Reads the words before the last one; `command` is the one that the first word named. */
export function readTyped(start: Command, before: readonly string[]): Typed {
  let command = start
  let words: string[] = []
  const options = new Map<string, string | true>()
  let value: Option | undefined
  let afterDashes = false
  for (const word of before) {
    if (value) {
      options.set(value.attributeName(), word)
      value = undefined
    } else if (!afterDashes && word === '--') afterDashes = true
    else if (!afterDashes && /^-./.test(word) && !/^-\d/.test(word)) {
      const [flag, given] = splitFlag(word)
      const option = command.options.find(({ long, short }) => long === flag || short === flag)
      if (!option) continue
      const takes = option.required || option.optional
      if (takes && given === undefined) value = option
      else options.set(option.attributeName(), given ?? true)
    } else {
      const sub = words.length === 0 ? command.commands.find(one => one.name() === word) : undefined
      if (sub) command = sub
      else words = [...words, word]
    }
  }
  return { command, words, options, value, argument: argumentAt(command, words.length), afterDashes }
}

function splitFlag(word: string): [string, string | undefined] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

function argumentAt({ registeredArguments }: Command, index: number): Argument | undefined {
  const last = registeredArguments.at(-1)
  return registeredArguments[index] ?? (last?.variadic ? last : undefined)
}
