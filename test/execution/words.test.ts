import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitWords } from '../../src/execution/words.ts'

// Files that a glob could match: a word that the shell would still expand shows as a difference.
const dir = mkdtempSync(join(tmpdir(), 'reactor-words-'))
for (const name of ['a', 'b', 'ab', '1']) writeFileSync(join(dir, name), '')

function asShell(words: string): string[] {
  const printed = execFileSync('/bin/sh', ['-c', `printf '%s\\0' x ${words}`], { cwd: dir, env: { HOME: '/home/x' } })
  return printed.toString().split('\0').slice(0, -1)
}

describe('splitting a command line', () => {
  it.each([
    ['ls -l /var/log', ['ls', '-l', '/var/log']],
    ['  echo  \'a b\'\t"c d" ', ['echo', 'a b', 'c d']],
    [`printf '%s\\n' "it's" 'say "hi"'`, ['printf', '%s\\n', "it's", 'say "hi"']],
    ['echo a\\ b \\| \\$HOME', ['echo', 'a b', '|', '$HOME']],
    ['grep -E "^a.b$" /etc/motd', ['grep', '-E', '^a.b$', '/etc/motd']],
    ['echo \'\' ""', ['echo', '', '']],
    ['find . -name x -exec ls {} +', ['find', '.', '-name', 'x', '-exec', 'ls', '{}', '+']],
    ['[ -f /etc/motd ]', ['[', '-f', '/etc/motd', ']']],
    ['echo a#b c~d x=y --opt=v', ['echo', 'a#b', 'c~d', 'x=y', '--opt=v']],
    ['ls \\\n  -l\n', ['ls', '-l']],
    ["'exit' 3", ['exit', '3']],
    ["'A=b' c", ['A=b', 'c']],
  ])('reads %j', (text, words) => {
    expect(splitWords(text)).toEqual(words)
  })

  it.each([
    ['ls | wc', "needs a shell for '|'"],
    ['ls && true', "needs a shell for '&'"],
    ['a; b', "needs a shell for ';'"],
    ['a > f', "needs a shell for '>'"],
    ['a < f', "needs a shell for '<'"],
    ['(a)', "needs a shell for '('"],
    ['echo $HOME', "needs a shell for '$'"],
    ['echo "$HOME"', "needs a shell for '$'"],
    ['echo "`id`"', "needs a shell for '`'"],
    ['echo $(id)', "needs a shell for '$'"],
    ['ls *.log', "needs a shell for '*'"],
    ['ls ?', "needs a shell for '?'"],
    ['ls [ab]', "needs a shell for '['"],
    ['ls ~/x', "needs a shell for '~'"],
    ['ls # all', "needs a shell for '#'"],
    ['a\nb', 'needs a shell for a line break'],
    ['LANG=C ls', 'begins with the assignment'],
    ['exit 3', "needs a shell for 'exit'"],
    ['if true', "needs a shell for 'if'"],
    ["echo 'a", "single quote (') that is never closed"],
    ['echo "a', 'double quote (") that is never closed'],
    ['echo a\\', 'ends in a backslash'],
    ['  \n ', 'the command is empty'],
  ])('refuses %j and says why', (text, why) => {
    expect(() => splitWords(text)).toThrow(why)
  })

  it('names both ways to a shell where one is needed', () => {
    expect(() => splitWords('ls | wc')).toThrow(/cmd\.shell or python_shell=True/)
  })

  it.each(['echo $\\\nHOME', 'echo "$\\\nHOME"', 'echo $\\\n\\\n(id)'])(
    'sees through a line that goes on: %j',
    text => {
      expect(() => splitWords(text)).toThrow(/needs a shell for '\$'/)
    },
  )

  it('reads whatever it accepts as /bin/sh does', () => {
    const piece = fc.constantFrom(
      ...`a|b|1| |  |'|"|\\|$|~|#|[|]|{|}|*|?|=|!|%|^|,|:|\t|'a b'|"a b"|\\"|\\$|a$|-|@|é|\\\n`.split('|'),
      '|',
      '&',
      ';',
    )
    let accepted = 0
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), pieces => {
        let words: string[]
        try {
          words = splitWords(`x ${pieces.join('')}`)
        } catch {
          return
        }
        accepted += 1
        expect(words).toEqual(asShell(pieces.join('')))
      }),
      { numRuns: 1500 },
    )
    expect(accepted).toBeGreaterThan(100)
  })

  it('never makes more than one word of a quoted value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), value => {
        expect(splitWords(`echo '${value.replaceAll("'", "'\\''")}'`)).toEqual(['echo', value])
      }),
    )
  })
})
