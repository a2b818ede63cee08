import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { compileTarget, resolveTarget, TARGET_TYPES, type TargetContext } from '../../src/protocol/target.ts'
import { text } from '../helpers/arbitrary.ts'
import { CONTEXT, idsOf, minion, refusal } from './target/minions.ts'

const FLEET = ['web1', 'web2', 'web10', 'db1', '.hidden', 'a/b', 'we[b', '!web1', 'Ünï', 'user@host'].map(id =>
  minion(id),
)
const matching = (tgt: string | string[], type: string) => resolveTarget(tgt, type, FLEET, CONTEXT).minions

describe('a glob target', () => {
  it('matches every minion with *, whatever letters its id has', () => {
    expect(matching('*', 'glob')).toEqual(idsOf(FLEET))
  })

  it.each([
    ['web*', ['web1', 'web10', 'web2']],
    ['web?', ['web1', 'web2']],
    ['web[12]', ['web1', 'web2']],
    ['web[!1]', ['web2']],
    ['*1', ['!web1', 'db1', 'web1']],
    ['a*b', ['a/b']],
    ['!web1', ['!web1']],
    ['we[b', ['we[b']],
    ['Ü*', ['Ünï']],
    ['web1', ['web1']],
    ['{web1,web2}', []],
    ['@(web1|web2)', []],
    ['web\\1', []],
    ['WEB1', []],
    ['nobody', []],
  ])('%s matches %j', (tgt, minions) => {
    expect(matching(tgt, 'glob')).toEqual(minions)
  })

  it('comes to an end on a glob made to be slow', () => {
    const id = 'a'.repeat(60)
    expect(resolveTarget(`${'*a'.repeat(12)}b`, 'glob', [minion(id), minion(`${id}b`)], CONTEXT).minions).toEqual([
      `${id}b`,
    ])
  })

  it('is at most 4,096 characters long', () => {
    expect(refusal(() => matching('*a'.repeat(2048), 'glob'))).toBe('accepted')
    expect(refusal(() => matching('*a'.repeat(2049), 'glob'))).toContain('has 4098 characters, at most 4096')
  })
})

describe('a pcre target', () => {
  it.each([
    ['web\\d', ['web1', 'web10', 'web2']],
    ['web\\d$', ['web1', 'web2']],
    ['web\\d\\Z', ['web1', 'web2']],
    ['web', ['web1', 'web10', 'web2']],
    ['eb1', []],
    ['.*eb1$', ['!web1', 'web1']],
    ['(web|db)1', ['db1', 'web1', 'web10']],
    ['web2|db', ['db1', 'web2']],
    ['WEB1', []],
    ['(?i)WEB1$', ['web1']],
    ['(?P<kind>web)2', ['web2']],
    ['\\u00dc', ['Ünï']],
    ['\\U000000dcn', ['Ünï']],
    ['^', idsOf(FLEET)],
  ])('%s matches %j, from the beginning as Python does', (tgt, minions) => {
    expect(matching(tgt, 'pcre')).toEqual(minions)
  })
})

describe('a list target', () => {
  it('gives the known minions, and names those that nobody knows', () => {
    expect(resolveTarget(['web2', 'gone', 'web1', 'web2'], 'list', FLEET, CONTEXT)).toEqual({
      minions: ['web1', 'web2'],
      missing: ['gone'],
    })
    expect(resolveTarget('web2, gone,,web1', 'list', FLEET, CONTEXT)).toEqual({
      minions: ['web1', 'web2'],
      missing: ['gone'],
    })
  })

  it('does not read its ids as globs', () => {
    expect(resolveTarget(['*'], 'list', FLEET, CONTEXT)).toEqual({ minions: [], missing: ['*'] })
  })

  it('parts a text at its commas, but not the items of a list', () => {
    expect(resolveTarget(['web1,web2'], 'list', FLEET, CONTEXT).missing).toEqual(['web1,web2'])
  })

  it.each([[[]], [['']], [' , '], [',']])('refuses %j, which names nobody', tgt => {
    expect(refusal(() => matching(tgt, 'list'))).toContain('a list target names at least one minion')
  })

  it('refuses what is no id', () => {
    expect(refusal(() => matching(['web1', 7] as string[], 'list'))).toContain('holds the ids of minions, got 7 in it')
  })
})

describe('a target', () => {
  it.each([
    ['globb', "target type 'globb' is not one of glob, pcre, list", "Did you mean 'glob'?"],
    ['grains', "target type 'grains' is not one of", "Did you mean 'grain'?"],
    ['Compound', "target type 'Compound' is not one of", "Did you mean 'compound'?"],
    ['range', "target type 'range' needs a range server", 'name the minions in a list'],
  ])('of type %s is refused', (type, what, instead) => {
    const message = refusal(() => matching('*', type))
    expect(message).toContain(what)
    expect(message).toContain(instead)
  })

  it.each(
    TARGET_TYPES.flatMap(type => [
      [type, ''],
      [type, ' \n'],
    ]),
  )('of type %s that is %j is refused', (type, tgt) => {
    expect(refusal(() => matching(tgt, type))).toMatch(/non-empty text|at least one minion/)
  })

  it.each(TARGET_TYPES.filter(type => type !== 'list'))('of type %s is no list of ids', type => {
    expect(refusal(() => matching(['web1'], type))).toBe(`a list of ids needs tgt_type list, got '${type}'`)
  })

  it.each([[undefined], [null], [7], [{ id: 'web1' }]])('that is %j is refused', tgt => {
    expect(refusal(() => matching(tgt as unknown as string, 'glob'))).toContain(
      'a glob target is a non-empty text, got',
    )
  })

  it.each(['pillar', 'pillar_pcre', 'pillar_exact'])('of type %s is refused where pillar is not known', type => {
    expect(refusal(() => matching('a:b', type))).toContain(
      `target type '${type}' needs pillar, which is not known here`,
    )
  })

  it('is asked for one minion at a time, and tells the ids that its lists name', () => {
    const target = compileTarget('L@web2,web1 or L@db1 and not L@db9', 'compound', CONTEXT)
    expect(target.listed).toEqual(['db1', 'web1', 'web2'])
    expect(FLEET.filter(target.matches).map(({ id }) => id)).toEqual(['web1', 'web2', 'db1'])
    expect(compileTarget('*', 'glob', CONTEXT)).not.toHaveProperty('listed')
  })
})

describe('whatever is typed', () => {
  const context: TargetContext = { nodegroups: { a: 'N@b', b: ['web1', 'or', 'N@a'], c: 'web*' }, pillar: true }
  const patterns = fc.oneof(
    text,
    fc.string({
      unit: fc.constantFrom(...'GPIJLSENR@|:()[]{}*?+^$\\.,/ 01aw-', 'and ', ' or ', ' not ', '😀', '\ud800'),
    }),
  )
  const type = fc.constantFrom(...TARGET_TYPES)
  const grains = fc.dictionary(fc.constantFrom('a', 'w', '0', 'ipv4', '__proto__'), fc.jsonValue())

  it('is answered or refused, and never fails otherwise', () => {
    fc.assert(
      fc.property(patterns, type, text, grains, (tgt, type, id, grains) => {
        try {
          const { minions } = resolveTarget(tgt, type, [{ id, grains, pillar: grains }], context)
          expect([[], [id]]).toContainEqual(minions)
        } catch (error) {
          expect(error).toBeInstanceOf(ReactorError)
          expect((error as ReactorError).code).toBe('bad_argument')
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('finds a minion by its own id, as a list and as a quoted regex', () => {
    fc.assert(
      fc.property(text, id => {
        fc.pre(id.trim() === id && id !== '')
        const fleet = [minion(id), minion(`x${id}`)]
        expect(resolveTarget([id], 'list', fleet, CONTEXT)).toEqual({ minions: [id], missing: [] })
        const quoted = `${id.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`
        if (id.isWellFormed()) expect(resolveTarget(quoted, 'pcre', fleet, CONTEXT).minions).toEqual([id])
      }),
    )
  })
})
