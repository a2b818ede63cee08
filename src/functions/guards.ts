// What an argument is used as, where a value that came with an event must not decide it. A function declares the guards of
// its arguments; they are asked only about values that are marked as untrusted.
import { untrustedTargetProblem, type ValuePath } from '../protocol/trust.ts'
import { inputProblem, wordProblem } from './command-words.ts'

export interface Guard {
  /** Ends the sentence "is used as …". */
  as: string
  /**
   * Why an untrusted value may not stand at `path` of the argument's `value`, and what to write in its place; undefined:
   * it may. `args`: the arguments as they were given, by name.
   */
  problem(value: unknown, path: ValuePath, args: Readonly<Record<string, unknown>>): string | undefined
}

/** Never. */
export const fixed = (as: string): Guard => ({ as, problem: () => 'only the rule itself may say it' })

export const functionName = fixed('the name of a function')
export const program = fixed('a program')
export const filePath = fixed('a path of the machine that runs it')
export const address = fixed('an address')

/** A command as text, which is split into words, or as the list of them: a value may be one word behind the program. */
export const commandLine: Guard = {
  as: 'a command',
  problem(value, [at], args) {
    if (!Array.isArray(value) || args.python_shell === true)
      return "it could become several words or commands; give the command as a list, with the value as a word of its own: [program, '{{ … }}']"
    if (at === undefined) return 'the program to run would be chosen by who sent the event'
    return wordProblem(value, Number(at))
  },
}

/** Names that decide which code runs. */
const SHARP_NAMES =
  /^(?:PATH|IFS|ENV|SHELL|HOME|PS4|EDITOR|VISUAL|PAGER)$|^(?:BASH|LD_|DYLD_|PYTHON|PERL|RUBY|NODE_|JAVA_|JDK_|GIT_|LESS|GCONV_PATH)/

/** Variables of a process: their values, by names that the rule writes. */
export const environment: Guard = {
  as: 'environment variables',
  problem(_value, [name]) {
    if (name === undefined) return 'the names of variables would come from the event; write the map in the rule'
    return SHARP_NAMES.test(String(name)) ? `${name} decides which code runs` : undefined
  },
}

/** The standard input of `args.cmd`. */
export const input: Guard = {
  as: 'the input of a command',
  problem(_value, _path, { cmd }) {
    // A text is split into words by blanks and quotes.
    return inputProblem(
      Array.isArray(cmd)
        ? cmd
        : String(cmd)
            .replace(/["'\\]/g, '')
            .split(/\s+/),
    )
  },
}

/** A map whose values may come from an event, and whose names may not. */
export const namedValues = (as: string): Guard => ({
  as,
  problem: (_value, path) =>
    path.length === 0 ? 'its names would come from the event; write the map in the rule' : undefined,
})

/** Alone in YAML, a command, a path or a target it is one word. */
const WORD = /^[A-Za-z0-9][\w.+/-]*$/

/** Pillar of a state run or an orchestration: it is filled into the texts of state files, where a value could become more states. */
export const pillarValues: Guard = {
  as: 'pillar',
  problem(value, path) {
    if (path.length === 0) return 'its names would come from the event; write the map in the rule'
    const found = path.reduce<unknown>((inner, step) => (inner as Record<string, unknown> | undefined)?.[step], value)
    if (typeof found === 'number' || typeof found === 'boolean' || found === null) return undefined
    if (typeof found === 'string' && WORD.test(found) && !found.includes('..')) return undefined
    return 'in a state file it could be more than a value; it may be a number, true, false, or a word of letters, digits and . _ + / -'
  },
}

/** Minions; how `args.tgt_type` reads it. Ids as they are may come from an event. */
export const target: Guard = {
  as: 'a target',
  problem(value, path, args) {
    const type = typeof args.tgt_type === 'string' ? args.tgt_type : 'glob'
    return untrustedTargetProblem(value, type, [path])
  },
}

/** One id, or several in a list. */
export const minionId: Guard = {
  as: "a minion's id",
  problem: (value, path) => untrustedTargetProblem(value, 'list', [path]),
}

/** A key that narrows down which are meant: it can only be the wrong one, and then nothing is done. What is no key is no argument. */
export const publicKey: Guard = { as: 'a public key', problem: () => undefined }

/** The tag of an event that a service fires: tags below salt/ are believed from services. */
export const serviceTag: Guard = {
  as: 'a tag of a service',
  problem(value) {
    const tag = String(value)
    return tag === 'salt' || tag.startsWith('salt/') ? 'what lies below salt/ is believed from services' : undefined
  },
}
