// What a file of pillar says itself, told apart from what its templates fill in: a minion's grain may read `!file /etc/shadow`, or
// have a line `include: [web]` in it. Tags and includes of the file itself have an ending that nobody can guess.
import { randomBytes } from 'node:crypto'

export interface OwnText {
  /** The text of a file, as it is to be rendered. */
  mark(text: string, path: string): string
  /** What came of it, without the endings. */
  unmark(text: string): string
  /** A tag of the file itself. */
  tag(name: string): string
  /** The top key `include` of the file itself. */
  include: string
}

const TAGS = /(?<![\w!])!(?:env|file)(?![\w-])/g
/** As a top key of YAML stands in a line; other keys of that name are read by templates. */
const INCLUDE = /^include(?=\s*:)|(?<=^")include(?="\s*:)|(?<=^')include(?='\s*:)/gm

/** Imported for its keys. */
const DATA = /\.(?:ya?ml|json)$/

export function createOwnText(): OwnText {
  const ending = `-${randomBytes(16).toString('hex')}`
  return {
    mark(text, path) {
      const tagged = text.replace(TAGS, `$&${ending}`)
      return DATA.test(path) ? tagged : tagged.replace(INCLUDE, `$&${ending}`)
    },
    unmark: text => (text.includes(ending) ? text.replaceAll(ending, '') : text),
    tag: name => name + ending,
    include: `include${ending}`,
  }
}
