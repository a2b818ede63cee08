import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { catalogueOf, event, problemOf } from '../../../src/protocol/catalogue/define.ts'

const seen = event('salt/seen/<id>/by/<who>', {
  doc: 'somebody was seen',
  by: ['minion'],
  data: { id: z.string().describe('who'), times: z.number().optional().describe('how often') },
})
const deep = event('a.b/<path…>', { doc: 'x', by: ['_master'], data: { id: z.string() }, more: 'what it likes' })

describe('a declared event', () => {
  it('makes its tag of parts, and takes its data', () => {
    expect(seen.tag({ id: 'web1', who: 'ann' })).toBe('salt/seen/web1/by/ann')
    expect(seen.of({ id: 'web1', who: 'ann' }, { id: 'web1' })).toEqual(['salt/seen/web1/by/ann', { id: 'web1' }])
    expect(deep.tag({ path: 'c/d' })).toBe('a.b/c/d')
    expect(event('x', { doc: 'x', by: [], data: {} }).tag({})).toBe('x')
    const four = event('a/<b>/<c>/<d>', { doc: 'x', by: [], data: {} })
    expect(four.tag({ b: '1', c: '2', d: '3' })).toBe('a/1/2/3')
  })

  it('knows its tags, of which each part is one segment unless it says otherwise', () => {
    expect(seen.matches('salt/seen/web1/by/ann')).toBe(true)
    expect(seen.matches('salt/seen/web1/x/by/ann')).toBe(false)
    expect(seen.matches('salt/seen/web1/by/ann/')).toBe(false)
    expect(deep.matches('a.b/c/d')).toBe(true)
    expect(deep.matches('aXb/c')).toBe(false)
  })

  it('says what is wrong with data: a field that is missing, of another type, or not declared', () => {
    expect(problemOf(seen, { id: 'web1', times: 2 })).toBeUndefined()
    expect(problemOf(seen, {})).toContain('salt/seen/<id>/by/<who>: ')
    expect(problemOf(seen, { id: 'web1', times: '2' })).toContain('times')
    expect(problemOf(seen, { id: 'web1', colour: 'red' })).toContain('colour')
    expect(problemOf(deep, { id: 'web1', whatever: 1 })).toBeUndefined()
  })

  it('is not given what it does not declare, as tsc sees it', () => {
    const more = { id: 'web1', colour: 'red' }
    // @ts-expect-error colour is not declared
    seen.of({ id: 'web1', who: 'ann' }, more)
    // @ts-expect-error a number is wanted
    seen.of({ id: 'web1', who: 'ann' }, { id: 'web1', times: '2' })
    // @ts-expect-error the part `who` is missing
    seen.tag({ id: 'web1' })
    expect(deep.of({ path: 'x' }, more)[1]).toBe(more)
  })
})

it('a catalogue has a pattern once', () => {
  expect(catalogueOf([seen, deep]).map(({ pattern }) => pattern)).toEqual(['a.b/<path…>', 'salt/seen/<id>/by/<who>'])
  expect(() => catalogueOf([seen, deep, seen])).toThrow('the event salt/seen/<id>/by/<who> is declared twice')
})
