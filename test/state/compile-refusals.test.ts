import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { argumentsOf } from '../../src/state/words.ts'
import { compileOf, functions } from './sls.ts'

const args = (...given: unknown[]) => ({ a: { 'file.managed': given } })

describe('what is wrong with an SLS is told', () => {
  it.each<[unknown, string]>([
    [[1], 'SLS web does not render to a dictionary'],
    ['text', 'SLS web does not render to a dictionary'],
    [{ a: 5 }, 'ID a in SLS web is not a dictionary'],
    [{ a: 'managed' }, 'ID a in SLS web is not a dictionary'],
    [{ __a: {} }, "ID '__a' in SLS 'web' begins with '__', which is Salt's own. Give it another name."],
    [{ 5: 'test.nop', a: 'test.nop' }, "ID '5' in SLS 'web' is a bare number. Give it letters, such as 'state 5'."],
    [
      { a: { 'file.managed': null } },
      "ID 'a' in SLS 'web' contains a short declaration (file.managed) with a trailing colon. When not passing any arguments to a state, the colon must be omitted.",
    ],
    [{ a: { 'file.managed': { mode: 1 } } }, "State 'a' in SLS 'web' is not formed as a list"],
    [{ a: { file: 'managed' } }, "State 'a' in SLS 'web' is not formed as a list"],
    [{ a: { file: [] } }, "No function declared in state 'a' in SLS 'web'"],
    [
      { a: { file: ['managed', 'symlink'] } },
      "Too many functions declared in state 'a' in SLS 'web'. Please choose one of the following: managed, symlink",
    ],
    [
      { a: { 'file.managed': [], 'file.symlink': [] } },
      "ID 'a' in SLS 'web' contains multiple state declarations of the same type",
    ],
    [{ a: { _x: [] } }, "ID 'a' in SLS 'web' declares '_x', which is no state: write <module>.<function>"],
    [
      args('source salt://x'),
      'The function "source salt://x" in state "a" in SLS "web" has whitespace, a function with whitespace is not supported, perhaps this is an argument that is missing a ":"',
    ],
    [args(5), `State 'a' in SLS 'web' has 5 among its arguments: write <argument>: <value>`],
    [args({ mode: 1 }, { mode: 2 }), "The argument 'mode' in state 'a' in SLS 'web' is given twice"],
    [args({ __id__: 'b' }), "The argument '__id__' in state 'a' in SLS 'web' is Salt's own word"],
    [args({ names: 'x' }), "The 'names' argument in state 'a' in SLS 'web' needs to be formed as a list"],
    [args({ names: [] }), "The 'names' argument in state 'a' in SLS 'web' is empty"],
    [
      args({ names: [5] }),
      "The 'names' argument in state 'a' in SLS 'web' holds 5: write a name, or {<name>: [<arguments>]}",
    ],
    [
      args({ names: [{ x: [{ require_in: ['b'] }] }] }),
      "'require_in' cannot be given to the name 'x' alone, in state 'a' in SLS 'web'",
    ],
    [args({ name: 5 }), "The name 5 of state 'a' in SLS 'web' is not formed as a string. It may need to be quoted."],
    [args({ order: 'late' }), `The order "late" of state 'a' in SLS 'web' is neither a number nor first or last`],
    [args({ failhard: 'yes' }), `failhard "yes" of state 'a' in SLS 'web' is neither True nor False`],
    [
      args({ fire_event: { tag: 'x' } }),
      `fire_event {"tag":"x"} of state 'a' in SLS 'web' is neither True, False nor the end of a tag`,
    ],
    [args({ require: { file: 'b' } }), "The require statement in state 'a' in SLS 'web' needs to be formed as a list"],
    [args({ require_in: 'b' }), "The require_in statement in state 'a' in SLS 'web' needs to be formed as a list"],
    [
      args({ require: [{ file: 'b', pkg: 'c' }] }),
      'Requisite declaration {"file":"b","pkg":"c"} in state a in SLS web is not formed as a single key dictionary',
    ],
    [
      args({ watch: [{ 'file.managed': 'b' }] }),
      "Invalid requisite type 'file.managed' in state 'a', in SLS 'web'. Requisite types must not contain dots, did you mean 'file'?",
    ],
    [
      args({ onfail: [{ file: ['b'] }] }),
      'Requisite [onfail: file] in state [a] in SLS [web] must have a string as the value',
    ],
    [args({ require: ['b'], watch: ['c'] }), "Multiple dictionaries defined in argument of state 'a' in SLS 'web'"],
    [
      args({ parallel: true }),
      "'parallel' of state 'a' in SLS 'web' is not supported by file.managed: states run one after another; leave it out",
    ],
    [
      args({ names: [{ x: [{ umask: 1 }] }] }),
      "'umask' of state 'a' in SLS 'web' is not supported by file.managed: give the 'mode'",
    ],
    [
      { a: { 'pkg.removed': [{ requires: [{ pkg: 'b' }] }] } },
      "'requires' of state 'a' in SLS 'web' is no argument of pkg.removed. Did you mean 'require'?",
    ],
    [
      { a: { 'pkg.removed': [{ on_changes: [{ pkg: 'b' }] }] } },
      "'on_changes' of state 'a' in SLS 'web' is no argument of pkg.removed. Did you mean 'onchanges'?",
    ],
    [{ a: 'file.manged' }, "State 'file.manged' was not found in SLS 'web' (ID 'a'). Did you mean 'file.managed'?"],
    [{ extend: [] }, "Extension value in SLS 'web' is not a dictionary"],
    [{ extend: { a: 'file.managed' } }, "Extension name 'a' in SLS 'web' is not a dictionary"],
    [{ exclude: 'x' }, 'Exclude Declaration in SLS web is not formed as a list'],
    [
      { exclude: [{ name: 'x' }] },
      'Exclude Declaration in SLS web holds {"name":"x"}: write an SLS, {sls: <SLS>} or {id: <ID>}',
    ],
  ])('%j', async (data, message) => {
    const { errors, chunks } = await compileOf(data)
    expect(errors).toEqual([message])
    expect(chunks).toEqual([])
  })

  it('but a word of Salt may be an argument of the function', async () => {
    const { errors, chunks } = await compileOf({ a: { 'cmd.run': [{ umask: 63 }, { unless: 'true' }] } })
    expect(errors).toEqual([])
    expect(argumentsOf(chunks[0]!, functions.get('cmd.run'))).toEqual({ name: 'a', umask: 63 })
  })

  it('all at once, over all SLS', async () => {
    const { errors } = await compileOf({ include: ['x'], a: 5, b: { 'file.managed': null } }, { x: { c: 6 } })
    expect(errors).toHaveLength(3)
  })
})

describe('any data', () => {
  const words = [
    'a',
    'include',
    'extend',
    'exclude',
    'test.nop',
    'file',
    'managed',
    'require',
    'require_in',
    'use',
    'names',
    'name',
    'order',
    'prereq',
    'sls',
    'id',
    'constructor',
    '__proto__',
    'toString',
  ]
  const { data } = fc.letrec(tie => ({
    data: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(null, true, 5, -1, '', 'first', ...words),
      fc.array(tie('data'), { maxLength: 3 }),
      fc.dictionary(
        fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...words) }, { weight: 1, arbitrary: fc.string() }),
        tie('data'),
        { maxKeys: 4 },
      ),
    ),
  }))

  it('gives chunks or errors, and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(data, data, async (web, a) => {
        const { chunks, requisites, errors } = await compileOf(web, { a })
        expect(requisites).toHaveLength(chunks.length)
        if (errors.length > 0) expect(chunks).toEqual([])
        for (const chunk of chunks) expect(typeof chunk.name).toBe('string')
      }),
      { numRuns: 2000 },
    )
  })

  it('of any JSON too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async web => void (await compileOf(web))),
      { numRuns: 500 },
    )
  })
})
