// What a command does with each of its words: which programs run their words or their input as code, and which run another
// program that stands behind them. Programs that are not named here are taken for such that take their words as data.

/** Run what stands in their words, and what they read. */
const SHELLS =
  /^(?:(?:b?a|da|z|k|mk|c|tc|fi|r?ba|ya|o|xon|elvi|wi|tcl)?sh|busybox|toybox|su|ssh|eval|cmd|powershell|pwsh|nu)$/
const INTERPRETERS =
  /^(?:python|pypy|ipython|perl|raku|ruby|irb|jruby|node|nodejs|deno|bun|php|php-cgi|lua|luajit|texlua|expect|groovy|scala|julia|rscript|erl|elixir|guile|osascript|psql|mysql|mariadb|sqlite|ed|ex|vi|vim|view|nvim|emacs|gdb|parallel)$/
/** Run what stands in their words, and read data. */
const WORDS = /^(?:[gmn]?awk|original-awk|g?sed|watch|script|tmux|screen|make|gmake)$/
/** Run what they read, and not their words; or read the words of the program behind them. */
const INPUT = /^(?:xargs|gxargs|at|batch|crontab|make|gmake)$/

/** Run the program that stands behind them, after their options and so many words of their own. */
const WRAPPERS: Readonly<Record<string, number>> = {
  ...{ env: 0, sudo: 0, doas: 0, pkexec: 0, nice: 0, ionice: 0, nohup: 0, setsid: 0, stdbuf: 0, time: 0, xargs: 0 },
  ...{ unshare: 0, nsenter: 0, setpriv: 0, runuser: 0, 'systemd-run': 0, strace: 0, ltrace: 0, command: 0, exec: 0 },
  ...{ timeout: 1, chroot: 1, flock: 1, taskset: 1, chrt: 1, setarch: 1 },
}
/** Of `find`: what follows is a command. */
const FIND_RUNS = /^-(?:exec|ok)(?:dir)?$/

/** The names of programs are shorter. */
const LONGEST_NAME = 64

/** As the lists above have it: without its path, its version and what else stands behind its name. */
function nameOf(word: unknown): string {
  const file = String(word).split(/[/\\]/).at(-1)!
  if (file.length > LONGEST_NAME) return file
  return file
    .toLowerCase()
    .replace(/\.exe$/, '')
    .replace(/[-.]static$/, '')
    .replace(/[\d.-]+[dmt]?$/, '')
}

const isNamed = (word: unknown, ...lists: RegExp[]): boolean => lists.some(list => list.test(nameOf(word)))
const quoted = (word: unknown): string => `'${String(word).slice(0, 80)}'`

/** Why a value may not be the word at `at` of a command, where that word is somebody's claim; undefined: it is data there. */
export function wordProblem(words: readonly unknown[], at: number): string | undefined {
  const before = words.slice(0, at)
  // Wherever it stands: what runs a command that it is given, by whatever name, gives the words behind it to that one.
  const reader = before.find(word => isNamed(word, SHELLS, INTERPRETERS, WORDS))
  if (reader !== undefined)
    return `${quoted(reader)} reads its words as commands; give the value in env, or as a word to a script of your own`
  let program = 0
  for (let next: number | undefined = 0; next !== undefined; next = programBehind(words, program, at)) {
    program = next
    if (program < at) continue
    if (at === 0) return 'the program to run would be chosen by who sent the event'
    const runner = before.findLast(word => Object.hasOwn(WRAPPERS, nameOf(word)) || nameOf(word) === 'find')
    return `${quoted(runner)} could take it for a program, a variable or an option; put it behind the program that is to have it`
  }
  if (!String(words[at]).startsWith('-') || before.slice(program + 1).includes('--')) return undefined
  return "it begins with '-', so the program would take it for an option; put the word '--' before it, or write an option and its value as two words"
}

/** Why input may not go to a command. */
export function inputProblem(words: readonly unknown[]): string | undefined {
  const reader = words.find(word => isNamed(word, SHELLS, INTERPRETERS, INPUT))
  return reader === undefined ? undefined : `${quoted(reader)} runs what it reads`
}

/**
 * Where the program stands that the one at `start` runs; undefined: it runs none. What could still be an option's value, a
 * variable or a word of the wrapper is no program yet: in doubt it is further behind, at `end` at the latest.
 */
function programBehind(words: readonly unknown[], start: number, end: number): number | undefined {
  const name = nameOf(words[start])
  if (name === 'find') {
    const runs = words.slice(start, end).findLastIndex(word => FIND_RUNS.test(String(word)))
    return runs < 0 ? undefined : start + runs + 1
  }
  if (!Object.hasOwn(WRAPPERS, name)) return undefined
  let own = WRAPPERS[name]!
  let options = true
  for (let at = start + 1; at < end; at++) {
    const word = String(words[at])
    if (options && word === '--') options = false
    else if (options && word.startsWith('-')) {
      // Its words are in one text.
      if (name === 'env' && /^-[^-]*S|^--s/.test(word)) return end
      const value = String(words[at + 1])
      if (!word.includes('=') && !value.startsWith('-')) at++
    } else if (word.includes('=')) continue
    else if (own > 0) own--
    else return at
  }
  return end
}
