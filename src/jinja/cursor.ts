// Walks the tokens of one `{{ }}` or `{% %}`; what does not fit is reported with its place.
import { fault, type Token } from './lexer.ts'

export interface Cursor {
  readonly source: string
  /** Whether it is of a whole document, which may do more than a template of a rule. */
  readonly document: boolean
  peek(ahead?: number): Token
  next(): Token
  /** Takes the token if it is that operator or that name. */
  skip(value: string): boolean
  at(value: string): boolean
  expect(value: string): Token
  expectName(): string
  fail(message: string, token?: Token): never
}

export function createCursor(source: string, tokens: readonly Token[], document = false): Cursor {
  let index = 0
  const end = tokens.at(-1)!
  const cursor: Cursor = {
    source,
    document,
    peek: (ahead = 0) => tokens[index + ahead] ?? end,
    next: () => tokens[Math.min(index++, tokens.length - 1)]!,
    at: value => (cursor.peek().kind === 'op' || cursor.peek().kind === 'name') && cursor.peek().value === value,
    skip: value => cursor.at(value) && cursor.next() !== undefined,
    expect: value => (cursor.at(value) ? cursor.next() : cursor.fail(`expected '${value}'`)),
    expectName: () => (cursor.peek().kind === 'name' ? cursor.next().value : cursor.fail('expected a name')),
    fail(message, token = cursor.peek()) {
      const got = token.kind === 'end' ? 'the end' : `'${source.slice(token.start, token.end)}'`
      throw fault(source, token.start, `${message}, got ${got}`)
    },
  }
  return cursor
}
