import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileFiles, compileOf, idsOf, requisitesOf } from './sls.ts'

const nop = (...args: unknown[]) => ({ 'test.nop': args })

describe('a requisite', () => {
  it.each([
    ['a module and an ID', [{ test: 'b' }], 'b'],
    ['a module and a name', [{ test: 'named' }], 'c'],
    ['a bare ID', ['b'], 'b'],
    ['an ID by its word', [{ id: 'b' }], 'b'],
    ['all that a pattern fits', [{ test: 'd*' }], 'd1,d[2]'],
    ['a name that only looks like a pattern', [{ test: 'd[2]' }], 'd[2]'],
    ['an SLS that includes another', [{ sls: 'x' }], 'y1,x1'],
    ['SLS by a pattern', [{ sls: '[xy]' }], 'y1,x1'],
  ])('refers to %s', async (_, require, ids) => {
    const compiled = await compileOf(
      {
        include: ['x'],
        a: nop({ require }),
        b: nop(),
        c: nop({ name: 'named' }),
        d1: nop(),
        'd[2]': nop(),
      },
      { x: { include: ['y'], x1: nop() }, y: { y1: nop() } },
    )
    expect(requisitesOf(compiled, 'a')).toEqual([`require ${ids}`])
    const order = idsOf(compiled).map(id => id.split('/')[0]!)
    for (const id of ids.split(',')) expect(order.indexOf(id)).toBeLessThan(order.indexOf('a'))
  })

  it('on an SLS holds for what it includes, whoever included that first', async () => {
    const files = {
      a: { include: ['c'], a: nop() },
      b: { include: ['c'] },
      c: { c: nop() },
      d: { d: nop({ require: [{ sls: 'b' }] }) },
    }
    expect(requisitesOf(await compileFiles(files, { base: ['a', 'b', 'd'] }), 'd')).toEqual(['require c'])
  })

  it('that finds nothing is left to the run, with what it wants', async () => {
    const { requisites, errors } = await compileOf({ a: nop({ onchanges_any: [{ file: '/x' }, { test: 'a*b' }] }) })
    expect(errors).toEqual([])
    expect(requisites).toEqual([
      [
        { kind: 'onchanges_any', wanted: { file: '/x' }, chunks: [] },
        { kind: 'onchanges_any', wanted: { test: 'a*b' }, chunks: [] },
      ],
    ])
  })

  it('comes just before what requires it, and all else stays in its place', async () => {
    const compiled = await compileOf({ a: nop({ require: ['d', 'c'] }), b: nop(), c: nop(), d: nop(), e: nop() })
    expect(idsOf(compiled)).toEqual(['d', 'c', 'a', 'b', 'e'])
  })

  it.each([
    'require',
    'watch',
    'onchanges',
    'onfail',
    'require_any',
    'watch_any',
    'onchanges_any',
    'onfail_any',
    'onfail_all',
  ])('%s is an order', async kind => {
    const compiled = await compileOf({ a: { 'service.running': [{ [kind]: ['b'] }] }, b: nop() })
    expect(idsOf(compiled)).toEqual(['b', 'a'])
    expect(requisitesOf(compiled, 'a')).toEqual([`${kind} b`])
  })

  it('watch of a function that does nothing for it is require', async () => {
    const compiled = await compileOf({ a: nop({ watch: ['b'], watch_any: ['c'] }), b: nop(), c: nop() })
    expect(compiled.errors).toEqual(["Multiple dictionaries defined in argument of state 'a' in SLS 'web'"])
    const right = await compileOf({ a: nop({ watch: ['b'] }, { watch_any: ['c'] }), b: nop(), c: nop() })
    expect(requisitesOf(right, 'a')).toEqual(['require b', 'require_any c'])
  })

  it('listen is no order, and may go round', async () => {
    const compiled = await compileOf({ a: nop({ listen: ['b'] }), b: nop({ listen: ['a'] }) })
    expect(idsOf(compiled)).toEqual(['a', 'b'])
    expect(requisitesOf(compiled, 'a')).toEqual(['listen b'])
  })

  it('prereq runs before its target, and after what the target requires', async () => {
    const compiled = await compileOf({
      target: nop({ require: ['needed'] }),
      stop: nop({ prereq: [{ test: 'target' }] }),
      needed: nop(),
    })
    expect(idsOf(compiled)).toEqual(['needed', 'stop', 'target'])
    expect(requisitesOf(compiled, 'stop')).toEqual(['prereq target'])
    expect(requisitesOf(compiled, 'target')).toEqual(['require needed', 'prerequired stop'])
  })

  it('prereq of a prereq runs before both, after what the last of them requires', async () => {
    const compiled = await compileOf({
      c: nop({ require: ['needed'] }),
      b: nop({ prereq: ['c'] }),
      a: nop({ prereq: ['b'] }),
      needed: nop(),
    })
    expect(idsOf(compiled)).toEqual(['needed', 'a', 'b', 'c'])
  })

  it('declared twice in a state holds twice', async () => {
    const compiled = await compileOf({ a: nop({ require: ['b'] }, { require: ['c'] }), b: nop(), c: nop() })
    expect(requisitesOf(compiled, 'a')).toEqual(['require b', 'require c'])
  })
})

describe('a requisite of the other end', () => {
  it.each(['require', 'watch', 'prereq', 'onfail', 'onchanges', 'listen'])(
    '%s_in is as if declared there',
    async kind => {
      const compiled = await compileOf({ a: { 'service.running': [] }, b: nop({ [`${kind}_in`]: [{ service: 'a' }] }) })
      expect(requisitesOf(compiled, 'a')).toEqual([`${kind} b`])
      expect(compiled.chunks.find(({ __id__ }) => __id__ === 'a')).toMatchObject({ [kind]: [{ test: 'b' }] })
    },
  )

  it('refers to a name, a bare ID, an SLS, and to one alone without a list', async () => {
    const ends = async (require_in: unknown) => {
      const compiled = await compileOf(
        { include: ['x'], a: nop({ require_in }), b: nop({ name: 'named' }) },
        { x: { c: { 'pkg.installed': [], 'service.running': [] } } },
      )
      expect(compiled.errors).toEqual([])
      return compiled.chunks.filter(({ require }) => require).map(({ __id__, state }) => `${state} ${__id__}`)
    }
    expect(await ends([{ test: 'named' }])).toEqual(['test b'])
    expect(await ends(['b'])).toEqual(['test b'])
    expect(await ends({ test: 'b' })).toEqual(['test b'])
    expect(await ends(['c'])).toEqual(['pkg c', 'service c'])
    expect(await ends([{ sls: 'x' }])).toEqual(['pkg c', 'service c'])
  })

  it('to what is not there is refused', async () => {
    const { errors } = await compileOf({ a: nop({ require_in: [{ test: 'gone' }] }) })
    expect(errors[0]).toMatch(/^Cannot extend ID 'gone' in 'base:web'. It is not part of the high state./)
  })
})

describe('use', () => {
  it('takes the arguments that a state has not itself, and no more', async () => {
    const source = { 'file.managed': [{ user: 'www' }, { mode: '600' }, { name: '/a' }, { require: ['c'] }] }
    const used = async (data: Record<string, unknown>) =>
      (await compileOf({ ...data, c: nop() })).chunks.find(({ __id__ }) => __id__ === 'b')
    const here = await used({ a: source, b: { 'file.managed': [{ mode: '644' }, { use: [{ file: 'a' }] }] } })
    const there = await used({
      a: { 'file.managed': [...source['file.managed'], { use_in: [{ file: 'b' }] }] },
      b: { 'file.managed': [{ mode: '644' }] },
    })
    for (const chunk of [here, there]) {
      expect(chunk).toMatchObject({ user: 'www', mode: '644', name: 'b' })
      expect(chunk).not.toHaveProperty('require')
    }
  })
})

describe('a cycle', () => {
  it('is named whole', async () => {
    const { errors } = await compileOf({
      first: nop({ require: ['a'] }),
      a: nop({ require: [{ service: 'b' }] }),
      b: { 'service.running': [{ watch: [{ file: '/c' }] }] },
      c: { 'file.managed': [{ name: '/c' }, { onchanges: ['a'] }] },
    })
    expect(errors).toEqual([
      'A recursive requisite was found, SLS "web" ID "a" ID "b" ID "c": test: a → service: b → file: c (/c) → test: a',
    ])
  })

  it('is one with itself too, and each that stands apart is named', async () => {
    const { errors } = await compileOf({
      a: nop({ require: ['a'] }),
      b: nop({ watch: ['c'] }),
      c: nop({ onfail: ['b'] }),
    })
    expect(errors).toEqual([
      'A recursive requisite was found, SLS "web" ID "a": test: a → test: a',
      'A recursive requisite was found, SLS "web" ID "b" ID "c": test: b → test: c → test: b',
    ])
  })

  it('goes through the target of a prereq', async () => {
    const { errors } = await compileOf({
      p: nop({ prereq: ['t'] }),
      t: nop({ require: ['x'] }),
      x: nop({ require: ['p'] }),
    })
    expect(errors).toEqual([
      'A recursive requisite was found, SLS "web" ID "p" ID "t" ID "x": test: p → test: t → test: x → test: p',
    ])
  })

  it('is of an SLS that requires itself', async () => {
    expect((await compileOf({ a: nop({ require: [{ sls: 'web' }] }) })).errors).toHaveLength(1)
  })
})

describe('any graph of requisites', () => {
  const KINDS = [
    'require',
    'watch',
    'onchanges',
    'onfail',
    'require_in',
    'onfail_any',
    'watch_in',
    'prereq',
    'prereq_in',
  ]
  const graphs = fc.integer({ min: 1, max: 12 }).chain(size => {
    const edge = fc.tuple(fc.nat(size - 1), fc.nat(size - 1), fc.constantFrom(...KINDS))
    return fc.tuple(fc.constant(size), fc.array(edge, { maxLength: 16 }))
  })

  it('is ordered so that every requisite holds, or has a cycle that is named', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async ([size, edges]) => {
        const data = Object.fromEntries(Array.from({ length: size }, (_, index) => [`s${index}`, nop()]))
        for (const [from, to, kind] of edges) data[`s${from}`]!['test.nop'].push({ [kind]: [`s${to}`] })
        const before = precedence(edges)
        const compiled = await compileOf(data)
        expect(compiled.errors.length > 0).toBe(hasCycle(size, before))
        if (compiled.errors.length > 0) return
        const ids = idsOf(compiled)
        expect(new Set(ids).size).toBe(size)
        for (const [first, then] of before) expect(ids.indexOf(`s${first}`)).toBeLessThan(ids.indexOf(`s${then}`))
      }),
      { numRuns: 500 },
    )
  })

  it('of ten thousand states in a chain, or all on one SLS, is no work to speak of', async () => {
    const chain = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`s${index}`, nop({ require: [`s${index + 1}`] })]),
    )
    const ids = idsOf(await compileOf({ ...chain, s10000: nop() }))
    expect(ids.slice(0, 2)).toEqual(['s10000', 's9999'])
    const many = (letter: string, args: unknown[]) =>
      Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`${letter}${index}`, nop(...args)]))
    const wide = {
      include: ['x'],
      ...many('w', [{ require: [{ sls: 'x' }] }, { watch_in: [{ test: 'end' }] }]),
      end: nop(),
    }
    expect(idsOf(await compileOf(wide, { x: many('x', []) })).at(-1)).toBe('end')
  })
})

/** Which state stands before which: the target of a `prereq` is tested first, and what that needs stands before that. */
function precedence(edges: readonly (readonly [number, number, string])[]): [number, number][] {
  const declared = edges.map(([from, to, kind]): [number, number, string] =>
    kind.endsWith('_in') ? [to, from, kind.slice(0, -3)] : [from, to, kind],
  )
  const plain = declared.filter(([, , kind]) => kind !== 'prereq')
  const prereqs = declared.filter(([, , kind]) => kind === 'prereq')
  const tested = (state: number, seen = new Set<number>()): Set<number> => {
    for (const [from, to] of prereqs)
      if (from === state && !seen.has(to)) {
        seen.add(to)
        tested(to, seen)
      }
    return seen
  }
  return [
    ...plain.map(([from, to]): [number, number] => [to, from]),
    ...prereqs.map(([from, to]): [number, number] => [from, to]),
    ...prereqs.flatMap(([state]) =>
      plain.filter(([from]) => tested(state).has(from)).map(([, needed]): [number, number] => [needed, state]),
    ),
  ]
}

/** By taking away, again and again, what nothing stands before. */
function hasCycle(size: number, before: readonly (readonly [number, number])[]): boolean {
  let left = new Set(Array.from({ length: size }, (_, index) => index))
  for (;;) {
    const open = before.filter(([first, then]) => left.has(first) && left.has(then))
    const next = new Set([...left].filter(node => open.some(([, then]) => then === node)))
    if (next.size === left.size) return left.size > 0
    left = next
  }
}
