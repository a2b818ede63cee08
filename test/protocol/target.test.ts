import { describe, expect, it } from 'vitest'
import { resolveTarget } from '../../src/protocol/target.ts'

const FLEET = ['web1', 'web2', 'web10', 'db1', '.hidden', 'a/b', 'we[b', '!web1', 'Ünï']
const glob = (tgt: string) => resolveTarget(tgt, 'glob', FLEET).minions

describe('a glob target', () => {
  it('matches every minion with *, whatever letters its id has', () => {
    expect(glob('*')).toEqual([...FLEET].sort())
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
    ['{web1,web2}', []],
    ['@(web1|web2)', []],
    ['web\\1', []],
    ['WEB1', []],
    ['nobody', []],
  ])('%s matches %j', (tgt, minions) => {
    expect(glob(tgt)).toEqual(minions)
  })

  it('comes to an end on a glob made to be slow', () => {
    const id = 'a'.repeat(60)
    expect(resolveTarget(`${'*a'.repeat(12)}b`, 'glob', [id, `${id}b`]).minions).toEqual([`${id}b`])
  })

  it.each([[''], [['web1']]])('refuses %j', tgt => {
    expect(() => resolveTarget(tgt, 'glob', FLEET)).toThrow('a glob target is a non-empty text')
  })
})

describe('a list target', () => {
  it('gives the known minions, and names those that nobody knows', () => {
    expect(resolveTarget(['web2', 'gone', 'web1', 'web2'], 'list', FLEET)).toEqual({
      minions: ['web1', 'web2'],
      missing: ['gone'],
    })
    expect(resolveTarget('web2, gone,,web1', 'list', FLEET)).toEqual({ minions: ['web1', 'web2'], missing: ['gone'] })
  })

  it('does not read its ids as globs', () => {
    expect(resolveTarget(['*'], 'list', FLEET)).toEqual({ minions: [], missing: ['*'] })
  })
})

it('refuses a target type that it does not know, with the nearest one', () => {
  expect(() => resolveTarget('*', 'globb', FLEET)).toThrow(
    "target type 'globb' is not one of glob, list. Did you mean 'glob'?",
  )
})
