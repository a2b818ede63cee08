import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../../src/base/errors.ts'
import { resolveTarget, type TargetMinion } from '../../../src/protocol/target.ts'
import { CONTEXT, idsOf, minion, refusal } from './minions.ts'

const FLEET = [
  minion('web1', { os: 'Ubuntu', roles: ['front'], ipv4: ['10.0.0.1'] }),
  minion('web2', { os: 'Debian', roles: ['front', 'cache'], ipv4: ['10.0.0.2'] }),
  minion('db1', { os: 'Ubuntu', osfullname: 'Red Hat', ipv4: ['10.0.1.1'] }),
  minion('db2', { os: 'Windows', path: { 'C:': 'bin' } }),
]
const resolve = (tgt: string) => resolveTarget(tgt, 'compound', FLEET, CONTEXT)

describe('a compound target', () => {
  it.each([
    ['*', ['db1', 'db2', 'web1', 'web2']],
    ['web*', ['web1', 'web2']],
    ['G@os:Ubuntu', ['db1', 'web1']],
    ['P@os:(ubuntu|debian)$', ['db1', 'web1', 'web2']],
    ['E@(web|db)1', ['db1', 'web1']],
    ['L@web1,db2', ['db2', 'web1']],
    ['S@10.0.0.0/24', ['web1', 'web2']],
    ['web* and G@os:Ubuntu', ['web1']],
    ['web* or G@os:Ubuntu', ['db1', 'web1', 'web2']],
    ['not web*', ['db1', 'db2']],
    ['not not web*', ['web1', 'web2']],
    ['web* and not web1', ['web2']],
    ['* not web1', ['db1', 'db2', 'web2']],
    ['db1 or web* and G@os:Debian', ['db1', 'web2']],
    ['web* and G@os:Debian or db1', ['db1', 'web2']],
    ['not web1 and not db1 or db1', ['db1', 'db2', 'web2']],
    ['( db1 or web* ) and G@os:Ubuntu', ['db1', 'web1']],
    ['(db1 or web*) and G@os:Ubuntu', ['db1', 'web1']],
    ['not ( web* or db1 )', ['db2']],
    ['not(web* or(db1))', ['db2']],
    ['(E@(web|db)1)', ['db1', 'web1']],
    ['((web1))', ['web1']],
    ['G|@os|Ubuntu', ['db1', 'web1']],
    ['G|@path|C:|bin', ['db2']],
    ['P,@os,u.*', ['db1', 'web1']],
    ['G@osfullname:Red?Hat', ['db1']],
    ['\tweb1\n or \u00a0 db1 ', ['db1', 'web1']],
    ['web[!1]', ['web2']],
    ['and1 or notweb or orb', []],
  ])('%s matches %j', (tgt, minions) => {
    expect(resolve(tgt).minions).toEqual(minions)
  })

  it('names the ids of its lists that nobody knows, but for those under a not', () => {
    expect(resolve('L@web1,gone or L@away,gone and not L@other')).toEqual({
      minions: ['web1'],
      missing: ['away', 'gone'],
    })
    expect(resolve('* and not ( L@gone or web1 )').missing).toEqual([])
  })
})

/** Expression, what is wrong, and the part of the expression under whose beginning the caret stands. */
const MALFORMED: [string, string, string][] = [
  ['web* db*', "expected 'and' or 'or' before 'db*'", 'db*'],
  ['web* and db1 db2', "expected 'and' or 'or' before 'db2'", 'db2'],
  ['( web1 web2 )', "expected 'and' or 'or' before 'web2'", 'web2'],
  ['web1 (db1)', "expected 'and' or 'or' before '('", '(db1)'],
  ['web* AND db*', "the operator is written 'and'", 'AND'],
  ['web* && db*', "the operator is written 'and'", '&&'],
  ['web* || db*', "the operator is written 'or'", '||'],
  ['! web1', "the operator is written 'not'", 'web1'],
  ['G@osfullname:Red Hat', 'a space within a pattern is written ?', 'Hat'],
  ['and web1', "expected a target here, got 'and'", 'and'],
  ['web1 and', "expected a target after 'and'", ''],
  ['not', "expected a target after 'not'", ''],
  ['web1 and or db1', "expected a target after 'and', got 'or'", 'or db1'],
  ['()', "expected a target after '(', got ')'", ')'],
  ['( and web1 )', "expected a target after '(', got 'and'", 'and'],
  ['web1 and ( db1', "this '(' is never closed", '( db1'],
  ['(web1', "this '(' is never closed", '(web1'],
  ['web1 )', "this ')' closes nothing", ')'],
  ['(web1))', "this ')' closes nothing", ')'],
  ['web1 or web(1', 'a parenthesis within a word', '(1'],
  ['a)and(b', 'a parenthesis within a word', ')and'],
  ['web1 or G@os', 'a grain target is key:glob', 'G@os'],
  ['web1 or P@os:(', 'missing closing )', 'P@os'],
  ['web1 or E@(?!x)', 'look-ahead', 'E@'],
  ['web1 or S@10.0.0.1/8', 'has bits set behind its prefix', 'S@'],
  ['web1 or L@,', 'names at least one minion', 'L@'],
  ['web1 or G@', "expected a pattern after 'G@'", 'G@'],
  ['web1 or I@a:b', 'needs pillar', 'I@'],
  ['web1 or J@a:b', 'needs pillar', 'J@'],
  ['web1 or R@%x', 'R@ (range) needs a range server', 'R@'],
  ['web1 or X@x', "unknown letter 'X@': expected one of G@ P@ I@ J@ L@ S@ E@ N@", 'X@'],
  ['web1 or g@os:x', "write 'G@' for 'g@'", 'g@'],
  ['web1 or E|@x', 'only G, P, I and J take a delimiter', 'E|@'],
  ['web1 or N@none', "unknown nodegroup 'none': the config defines none", 'N@'],
]

describe('a malformed compound target', () => {
  it.each(MALFORMED)('%s is refused: %s, with a caret under %j', (tgt, reason, place) => {
    const [message, expression, caret] = refusal(() => resolve(tgt)).split('\n')
    expect(message).toContain(`bad target: `)
    expect(message).toContain(reason)
    expect(expression).toBe(`  ${tgt}`)
    const at = place === ')' ? tgt.lastIndexOf(place) : place === '' ? tgt.length : tgt.indexOf(place)
    expect(caret).toBe(`  ${' '.repeat(at)}^`)
  })

  it('shows of a long expression what lies around the place, on one line that is safe to print', () => {
    const tgt = `${'web1 or '.repeat(100)}\u001b[31m\nand or ${'web1 or '.repeat(100)}`
    const [, expression, caret] = refusal(() => resolve(tgt)).split('\n')
    expect(expression).toMatch(/^ {2}….{118,120}…$/u)
    expect(expression).toContain('\\x1b[31m and or web1')
    expect([...expression!].slice(caret!.length - 1).join('')).toMatch(/^or web1/)
  })

  it('is bounded in size and depth', () => {
    expect(refusal(() => resolve(Array(1000).fill('web1').join(' or ')))).toBe('accepted')
    expect(refusal(() => resolve(Array(1001).fill('web1').join(' or ')))).toContain('more than 1000 targets')
    expect(refusal(() => resolve(`${'('.repeat(100)}web1${')'.repeat(100)}`))).toBe('accepted')
    expect(refusal(() => resolve(`${'('.repeat(101)}web1${')'.repeat(101)}`))).toContain('nested more than 100 deep')
    expect(refusal(() => resolve('('.repeat(100_000)))).toContain('nested more than 100 deep')
    expect(resolve(`${'not '.repeat(10_001)}web1`).minions).toEqual(['db1', 'db2', 'web2'])
  })
})

type Tree =
  | { word: string; matches: (minion: TargetMinion) => boolean }
  | { op: 'and' | 'or'; left: Tree; right: Tree }
  | { op: 'not'; term: Tree }

const WORDS: Record<string, (minion: TargetMinion) => boolean> = {
  'web*': ({ id }) => id.startsWith('web'),
  '*2': ({ id }) => id.endsWith('2'),
  'E@(web|db)1': ({ id }) => id.endsWith('1'),
  'L@web1,db2': ({ id }) => id === 'web1' || id === 'db2',
  'G@os:Ubuntu': ({ grains }) => grains.os === 'Ubuntu',
  'P|@os|(win|deb)': ({ grains }) => grains.os !== 'Ubuntu',
  'S@10.0.0.0/24': ({ id }) => id.startsWith('web'),
}
const { tree } = fc.letrec<{ tree: Tree }>(tie => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...Object.entries(WORDS).map(([word, matches]) => ({ word, matches }))),
    fc.record({ op: fc.constantFrom('and' as const, 'or' as const), left: tie('tree'), right: tie('tree') }),
    fc.record({ op: fc.constant('not' as const), term: tie('tree') }),
  ),
}))

const evaluate = (tree: Tree, on: TargetMinion): boolean => {
  if ('word' in tree) return tree.matches(on)
  if (tree.op === 'not') return !evaluate(tree.term, on)
  return tree.op === 'and'
    ? evaluate(tree.left, on) && evaluate(tree.right, on)
    : evaluate(tree.left, on) || evaluate(tree.right, on)
}

const BINDS = { or: 1, and: 2, not: 3, word: 4 }

/** The tree as an expression: parentheses where they are needed and where `chance` says, with and without spaces. */
function print(tree: Tree, chance: () => boolean): string {
  const [open, close] = [() => (chance() ? '(' : '( '), () => (chance() ? ')' : ' )')]
  const within = (inner: Tree, least: number): string => {
    const text = print(inner, chance)
    const binds = BINDS['word' in inner ? 'word' : inner.op]
    return binds < least || chance() ? `${open()}${text}${close()}` : text
  }
  if ('word' in tree) return tree.word
  if (tree.op === 'not') return `not ${within(tree.term, BINDS.not)}`
  const space = () => (chance() ? ' ' : '  ')
  return `${within(tree.left, BINDS[tree.op])}${space()}${tree.op}${space()}${within(tree.right, BINDS[tree.op])}`
}

const chances = fc.infiniteStream(fc.boolean()).map(stream => () => stream.next().value as boolean)

describe('any compound target', () => {
  it('means what its tree means, however it is written', () => {
    fc.assert(
      fc.property(tree, chances, (tree, chance) => {
        const expected = idsOf(FLEET.filter(on => evaluate(tree, on)))
        expect(resolve(print(tree, chance)).minions).toEqual(expected)
      }),
      { numRuns: 2000 },
    )
  })

  it('has the caret where a word was put that does not belong there', () => {
    fc.assert(
      fc.property(tree, fc.nat(), fc.constantFrom('web1', 'G@os:x'), (tree, choice, stray) => {
        const words = print(tree, () => false).split(/ +/)
        const operands = [...words.keys()].filter(at => !['and', 'or', 'not', '(', ')'].includes(words[at]!))
        const at = operands[choice % operands.length]!
        const before = words.slice(0, at + 1).join(' ')
        const tgt = [before, stray, ...words.slice(at + 1)].join(' ')
        const thrown = caught(() => resolve(tgt))
        expect(thrown?.details).toMatchObject({ expression: tgt, at: before.length + 1 })
        const [, expression, caret] = thrown!.message.split('\n')
        expect(expression!.slice(caret!.length - 1)).toMatch(new RegExp(`^${stray}`))
      }),
    )
  })
})

function caught(resolve: () => unknown): ReactorError | undefined {
  try {
    resolve()
    return undefined
  } catch (error) {
    if (error instanceof ReactorError) return error
    throw error
  }
}
