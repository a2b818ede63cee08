// Splits a command line into an argument vector as a POSIX shell reads its words, and refuses what only a shell can do.
// Nothing is expanded, so data that fills a word can never become a second word, a redirection or a second command.
import { ReactorError } from '../base/errors.ts'

/** Where they stand unquoted, only a shell can do what these ask for. */
const OPERATORS = new Set('|&;<>()`*?')
/** What a `$` must be followed by to be more than a dollar sign. */
const EXPANSION = /^[A-Za-z0-9_@*#?$!({-]/
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*\+?=/
const SHELL_WORDS = new Set(
  (
    '! { } if then elif else fi for while until do done case esac in function time select [[ ' +
    '. : alias bg bind break builtin cd command continue declare eval exec exit export fc fg getopts hash jobs let local ' +
    'popd pushd read readonly return set shift shopt source times trap type typeset ulimit umask unalias unset wait'
  ).split(' '),
)

/** The argument vector of `text`, at least one word. Throws `bad_argument` that names what needs a shell or is left open. */
export function splitWords(text: string): string[] {
  const words: string[] = []
  let word = ''
  let started = false
  let quoted = false
  let at = 0
  const end = () => {
    if (started) {
      if (words.length === 0 && !quoted) checkFirst(text, word)
      words.push(word)
    }
    word = ''
    started = quoted = false
  }
  while (at < text.length) {
    const char = text[at]!
    if (char === ' ' || char === '\t') end()
    else if (char === '\n') {
      end()
      if (words.length > 0 && text.slice(at).trim() !== '') throw needsShell(text, 'a line break')
    } else if (char === "'") {
      const close = text.indexOf("'", at + 1)
      if (close < 0) throw unclosed(text, "single quote (')")
      word += text.slice(at + 1, close)
      started = quoted = true
      at = close
    } else if (char === '"') {
      const [inner, close] = doubleQuoted(text, at + 1)
      word += inner
      started = quoted = true
      at = close
    } else if (char === '\\') {
      const next = text[at + 1]
      if (next === undefined) throw refuse(text, 'ends in a backslash that escapes nothing; write \\\\ for a backslash')
      if (next !== '\n') {
        word += next
        started = quoted = true
      }
      at += 1
    } else {
      checkUnquoted(text, at, started)
      if (char === '=' && words.length === 0 && !quoted && ASSIGNMENT.test(`${word}=`)) throw assignment(text, word)
      word += char
      started = true
    }
    at += 1
  }
  end()
  if (words.length === 0)
    throw new ReactorError('bad_argument', 'the command is empty: give a program and its arguments')
  return words
}

/** The text up to the closing double quote, and where that quote stands. */
function doubleQuoted(text: string, from: number): [string, number] {
  let inner = ''
  for (let at = from; at < text.length; at += 1) {
    const char = text[at]!
    if (char === '"') return [inner, at]
    const next = text[at + 1]
    if (char === '\\' && next !== undefined && '$`"\\\n'.includes(next)) {
      if (next !== '\n') inner += next
      at += 1
    } else if (char === '`' || (char === '$' && EXPANSION.test(characterAfter(text, at)))) {
      throw needsShell(text, `'${char}' (in single quotes it would be plain text)`)
    } else inner += char
  }
  throw unclosed(text, 'double quote (")')
}

/** The next character as a shell sees it: it takes a line that goes on (a backslash before its break) for one line. */
function characterAfter(text: string, at: number): string {
  let next = at + 1
  while (text.startsWith('\\\n', next)) next += 2
  return text[next] ?? ''
}

function checkUnquoted(text: string, at: number, started: boolean): void {
  const char = text[at]!
  const next = characterAfter(text, at)
  const special =
    OPERATORS.has(char) ||
    (char === '$' && (EXPANSION.test(next) || next === "'" || next === '"')) ||
    // `[` alone is the test program, `#` and `~` are special only where a word begins.
    (char === '[' && (started || !/^\s?$/.test(next))) ||
    (!started && (char === '#' || char === '~'))
  if (special) throw needsShell(text, `'${char}'`)
}

function checkFirst(text: string, word: string): void {
  if (SHELL_WORDS.has(word)) throw needsShell(text, `'${word}', which is a word of the shell and no program`)
}

function assignment(text: string, name: string): ReactorError {
  return refuse(
    text,
    `begins with the assignment '${name}=': pass env={"${name}": …}, or let a shell read it with cmd.shell or python_shell=True`,
  )
}

function needsShell(text: string, what: string): ReactorError {
  return refuse(
    text,
    `needs a shell for ${what}: use cmd.shell or python_shell=True, quote it if it is plain text, or pass the words as a list`,
  )
}

function unclosed(text: string, quote: string): ReactorError {
  return refuse(text, `has a ${quote} that is never closed`)
}

function refuse(text: string, what: string): ReactorError {
  const shown = text.length > 80 ? `${text.slice(0, 77)}…` : text
  return new ReactorError('bad_argument', `the command ${JSON.stringify(shown)} ${what}`)
}
