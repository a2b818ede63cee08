import { describe, expect, it } from 'vitest'
import { resolveTarget } from '../../../src/protocol/target.ts'
import { minion, refusal } from './minions.ts'

const FLEET = [
  minion('web1', { os: 'Ubuntu' }),
  minion('web2', { osfullname: 'Red Hat' }),
  minion('web3', { os: 'Debian' }),
  minion('db1'),
]
const NODEGROUPS: Record<string, string | string[]> = {
  web: 'web*',
  ubuntu: 'web* and G@os:Ubuntu',
  both: 'N@ubuntu or db*',
  outer: '( N@both or web3 ) and not db1',
  words: ['G@osfullname:Red Hat', 'or', '(', 'web3', ')'],
  ids: ['web1', 'web2', 'gone'],
  idsInText: 'web1 db1',
  idsWithCommas: 'web1,db1',
  listed: 'L@web1,away',
  one: 'web?',
  either: 'web1 or web2',
  empty: ' ',
  noWords: [],
  loop: 'web1 or N@loop2',
  loop2: 'N@loop3',
  loop3: ['web2', 'or', 'N@loop'],
  self: 'N@self',
  malformed: 'web* and ( db1',
  globs: 'web* db*',
  shout: 'web1 AND db1',
  small: ['g@os:x', 'web1'],
  oneItem: ['web1 or web2'],
  lost: 'web1 or N@wbe1',
  pillar: 'I@a:b',
}
const CONTEXT = { nodegroups: NODEGROUPS, pillar: false }
const group = (tgt: string) => resolveTarget(tgt, 'nodegroup', FLEET, CONTEXT)
const compound = (tgt: string) => resolveTarget(tgt, 'compound', FLEET, CONTEXT)

describe('a nodegroup', () => {
  it.each([
    ['web', ['web1', 'web2', 'web3']],
    ['ubuntu', ['web1']],
    ['both', ['db1', 'web1']],
    ['outer', ['web1', 'web3']],
    ['words', ['web2', 'web3']],
    ['idsInText', ['db1', 'web1']],
    ['idsWithCommas', ['db1', 'web1']],
    ['one', ['web1', 'web2', 'web3']],
  ])('%s matches %j', (name, minions) => {
    expect(group(name)).toEqual({ minions, missing: [] })
  })

  it('of ids alone, or of a list, names those that nobody knows', () => {
    expect(group('ids')).toEqual({ minions: ['web1', 'web2'], missing: ['gone'] })
    expect(group('listed')).toEqual({ minions: ['web1'], missing: ['away'] })
    expect(compound('N@listed and not N@ids')).toEqual({ minions: [], missing: ['away'] })
  })

  it('binds in a compound target as one word, whatever is in it', () => {
    expect(compound('N@either and web2').minions).toEqual(['web2'])
    expect(compound('not N@either').minions).toEqual(['db1', 'web3'])
    expect(compound('(N@ubuntu or db1) and N@idsInText').minions).toEqual(['db1', 'web1'])
  })

  it.each([
    ['loop', "nodegroups in a circle: 'loop' → 'loop2' → 'loop3' → 'loop'"],
    ['self', "nodegroups in a circle: 'self' → 'self'"],
  ])('%s that comes back to itself is refused, and the circle is named', (name, message) => {
    expect(refusal(() => group(name))).toBe(message)
    expect(refusal(() => compound(`web1 or N@${name}`))).toBe(message)
  })

  it.each([
    ['malformed', "bad nodegroup 'malformed': this '(' is never closed\n  web* and ( db1\n           ^"],
    ['globs', "bad nodegroup 'globs': expected 'and' or 'or' before 'db*'\n  web* db*\n       ^"],
    ['pillar', "bad nodegroup 'pillar': target type 'pillar' needs pillar"],
    ['shout', "the operator is written 'and'\n  web1 AND db1\n       ^"],
    ['small', "bad nodegroup 'small': letters are capital: write 'G@' for 'g@'\n  g@os:x web1\n  ^"],
    ['oneItem', "bad nodegroup 'oneItem': a word of a list is one word"],
    ['lost', "bad nodegroup 'lost': unknown nodegroup 'wbe1'"],
    ['empty', "nodegroup 'empty' is empty"],
    ['noWords', "nodegroup 'noWords' is empty"],
  ])('%s is refused at the place that is wrong in its definition', (name, message) => {
    expect(refusal(() => group(name))).toContain(message)
    expect(refusal(() => compound(`web1 or N@${name}`))).toContain(message)
  })

  it('that is unknown is refused with the nearest one and the others', () => {
    expect(refusal(() => group('ubuntoo'))).toContain("unknown nodegroup 'ubuntoo': the config defines 'web', 'ubuntu'")
    expect(refusal(() => group('ubuntoo'))).toContain("Did you mean 'ubuntu'?")
    expect(refusal(() => group('toString'))).toContain("unknown nodegroup 'toString'")
    expect(refusal(() => resolveTarget('web', 'nodegroup', FLEET, { nodegroups: {}, pillar: false }))).toBe(
      "unknown nodegroup 'web': the config defines none.",
    )
  })

  it('cannot be made to grow without bound by naming others twice', () => {
    const nodegroups: Record<string, string> = { g0: 'web1 or db1' }
    for (let n = 1; n <= 60; n++) nodegroups[`g${n}`] = `N@g${n - 1} or N@g${n - 1}`
    const resolve = (name: string) => resolveTarget(name, 'nodegroup', FLEET, { nodegroups, pillar: false })
    expect(resolve('g8').minions).toEqual(['db1', 'web1'])
    expect(refusal(() => resolve('g60'))).toContain('more than 1000 targets')
  })

  it('lies at most 100 deep in others, on whatever way it is reached', () => {
    const nodegroups: Record<string, string> = { g0: 'web1' }
    for (let n = 1; n <= 5000; n++) nodegroups[`g${n}`] = `N@g${n - 1}`
    nodegroups.stairs = Array.from({ length: 400 }, (_, n) => `N@g${n * 10}`).join(' or ')
    const resolve = (name: string) => resolveTarget(name, 'nodegroup', FLEET, { nodegroups, pillar: false })
    expect(resolve('g99').minions).toEqual(['web1'])
    expect(refusal(() => resolve('g100'))).toContain('nested more than 100 deep')
    expect(refusal(() => resolve('g5000'))).toContain('nested more than 100 deep')
    expect(refusal(() => resolve('stairs'))).toContain('nested more than 100 deep')
  })
})
