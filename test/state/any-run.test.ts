// Runs of any states with any requisites, against what the requisites mean, told once more in the plainest way.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StateResult } from '../../src/functions/states.ts'
import { runSls } from './engine.ts'

const KINDS = [
  ...['require', 'watch', 'onchanges', 'onfail', 'prereq', 'listen'],
  ...['require_any', 'watch_any', 'onchanges_any', 'onfail_any', 'onfail_all'],
]
const HAS_IN = ['require', 'watch', 'onchanges', 'onfail', 'prereq', 'listen']
const FUNCTIONS = ['it.changes', 'it.stays', 'it.fails', 'srv.runs'] as const
type Fun = (typeof FUNCTIONS)[number]

interface Declared {
  fun: Fun
  order: number
  wants: { kind: string; of: number; by: 'name' | 'id' | 'in' }[]
}

const plans = fc.integer({ min: 1, max: 7 }).chain(count =>
  fc.array(
    fc.record({
      fun: fc.constantFrom(...FUNCTIONS),
      order: fc.integer({ min: 1, max: 5 }),
      wants: fc.array(
        fc.record({
          kind: fc.constantFrom(...KINDS),
          of: fc.nat({ max: count - 1 }),
          by: fc.constantFrom('name' as const, 'id' as const, 'in' as const),
        }),
        { maxLength: 2 },
      ),
    }),
    { minLength: count, maxLength: count },
  ),
)

const moduleOf = (fun: Fun) => fun.split('.')[0]!

function slsOf(plan: readonly Declared[]): Record<string, unknown> {
  return Object.fromEntries(
    plan.map(({ fun, order, wants }, at) => [
      `s${at}`,
      {
        [fun]: [
          { order },
          ...wants.map(({ kind, of, by }) => {
            const reference = { [by === 'id' ? 'id' : moduleOf(plan[of]!.fun)]: `s${of}` }
            return { [by === 'in' && HAS_IN.includes(kind) ? `${kind}_in` : kind]: [reference] }
          }),
        ],
      },
    ]),
  )
}

/** `[kind, target]` of each state: what is declared at the other end is its own, and `watch` is `require` where nothing acts on it. */
function requisitesOf(plan: readonly Declared[]): [kind: string, of: number][][] {
  const all: [string, number][][] = plan.map(() => [])
  plan.forEach(({ wants }, at) => {
    for (const { kind, of, by } of wants) {
      const [owner, target] = by === 'in' && HAS_IN.includes(kind) ? [of, at] : [at, of]
      all[owner]!.push([plan[owner]!.fun === 'srv.runs' ? kind : kind.replace('watch', 'require'), target])
    }
  })
  return all
}

const ofKinds = (wants: readonly [string, number][], ...kinds: string[]) =>
  wants.filter(([kind]) => kinds.includes(kind)).map(([, of]) => of)

/** Whether some order has each state behind what it waits for. */
function canBeOrdered(all: readonly [string, number][][]): boolean {
  const ordinary = all.map(wants =>
    wants.filter(([kind]) => kind !== 'listen' && kind !== 'prereq').map(([, of]) => of),
  )
  const behind = all.map(() => new Set<number>())
  all.forEach((wants, at) => {
    for (const of of ordinary[at]!) behind[at]!.add(of)
    // What it prepares for comes later, and is tested before: with all that it needs there.
    const tested = new Set<number>()
    const open = ofKinds(wants, 'prereq')
    for (let of = open.pop(); of !== undefined; of = open.pop()) {
      behind[of]!.add(at)
      if (tested.has(of)) continue
      tested.add(of)
      for (const need of ordinary[of]!) behind[at]!.add(need)
      open.push(...ofKinds(all[of]!, 'prereq'))
    }
  })
  for (let via = 0; via < all.length; via++)
    for (const before of behind) if (before.has(via)) for (const far of behind[via]!) before.add(far)
  return behind.every((before, at) => !before.has(at))
}

type Expected = Pick<StateResult, 'result'> & { changes: boolean; ran: boolean; calls: string[] }

/** What becomes of each state, in the order in which they ran. */
function expectedOf(plan: readonly Declared[], order: readonly number[], test: boolean): Map<number, Expected> {
  const all = requisitesOf(plan)
  const over = new Map<number, Expected>()
  const preparedBy = (at: number) => all.flatMap((wants, by) => (ofKinds(wants, 'prereq').includes(at) ? [by] : []))

  const called = (at: number, dry: boolean, watched: boolean): Expected => {
    const { fun } = plan[at]!
    const acts = fun === 'srv.runs' && watched
    const calls = [`s${at}`, ...(acts ? [`s${at} watch`] : [])]
    const changes = fun === 'it.changes' || acts
    return { result: fun === 'it.fails' ? false : changes && dry ? null : true, changes, ran: true, calls }
  }
  const changed = (one: Expected | undefined) =>
    one !== undefined && one.result !== false && (one.changes || one.result === null)
  const fell = (one: Expected | undefined) => one?.result === false

  const decide = (at: number, dry: boolean): Expected => {
    const wants = all[at]!
    const of = (...kinds: string[]) => ofKinds(wants, ...kinds).map(one => over.get(one))
    const prepares = ofKinds(wants, 'prereq').map(one => decide(one, true))
    const before = dry ? [] : preparedBy(at).map(one => over.get(one))
    const notRun = (result: boolean): Expected => ({ result, changes: false, ran: false, calls: [] })
    if ([...of('require', 'watch', 'onchanges'), ...prepares, ...before].some(fell)) return notRun(false)
    for (const kind of ['require_any', 'watch_any'])
      if (of(kind).some(fell) && !of(kind).some(one => one!.ran && !fell(one))) return notRun(false)
    if (of('onchanges_any').some(fell) && !of('onchanges_any').some(changed)) return notRun(false)
    const some = (found: readonly unknown[], holds: boolean) => found.length === 0 || holds
    const asked =
      some(
        prepares,
        prepares.some(one => one.result === null),
      ) &&
      some(of('onfail'), of('onfail').some(fell)) &&
      some(of('onfail_any'), of('onfail_any').some(fell)) &&
      some(of('onfail_all'), of('onfail_all').every(fell)) &&
      some(of('onchanges', 'onchanges_any'), of('onchanges', 'onchanges_any').some(changed))
    if (!asked) return notRun(true)
    return called(at, dry || test, of('watch', 'watch_any').some(changed))
  }
  for (const at of order) {
    // What cannot be done shows why, and not that its preparation was spared.
    const dry = preparedBy(at).length > 0 ? decide(at, true) : undefined
    const one = decide(at, false)
    over.set(at, fell(dry) ? { ...one, ran: dry!.ran, calls: [] } : one)
  }
  return over
}

/** What cannot act has a failed result there, and is not called. */
const listenersCalls = (ids: readonly string[], plan: readonly Declared[]): string[] =>
  ids
    .map(id => id.replace('listener_', ''))
    .filter(id => plan[Number(id.slice(1))]!.fun === 'srv.runs')
    .map(id => `${id} watch`)

describe('a run of any states', () => {
  it('does what their requisites mean, or names a cycle', async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.boolean(), async (plan, test) => {
        const all = requisitesOf(plan)
        if (!canBeOrdered(all)) {
          await expect(runSls(slsOf(plan))).rejects.toThrow('A recursive requisite was found')
          return
        }
        const { run, calls } = await runSls(slsOf(plan), { test })
        const results = Object.values(run).sort((a, b) => a.__run_num__ - b.__run_num__)
        const own = results.filter(({ __id__ }) => !__id__.startsWith('listener_'))
        const order = own.map(({ __id__ }) => Number(__id__.slice(1)))
        expect([...order].sort((a, b) => a - b)).toEqual(plan.map((_, at) => at))
        const place = new Map(order.map((at, n) => [at, n]))
        all.forEach((wants, at) => {
          for (const [kind, of] of wants)
            if (kind !== 'listen')
              expect(place.get(at)! - place.get(of)!)[kind === 'prereq' ? 'toBeLessThan' : 'toBeGreaterThan'](0)
        })
        const expected = expectedOf(plan, order, test)
        for (const { __id__, result, changes, __state_ran__ = true } of own) {
          const { calls: _, ...wanted } = expected.get(Number(__id__.slice(1)))!
          expect({ __id__, result, changes: Object.keys(changes).length > 0, ran: __state_ran__ }).toEqual({
            __id__,
            ...wanted,
          })
        }
        const listeners = [...order].filter(at =>
          ofKinds(all[at]!, 'listen').some(of => {
            const one = expected.get(of)!
            return one.result !== false && (one.changes || one.result === null)
          }),
        )
        const shown = results.filter(({ __id__ }) => __id__.startsWith('listener_')).map(({ __id__ }) => __id__)
        expect(shown).toEqual(listeners.map(at => `listener_s${at}`))
        const real = order.flatMap(at => expected.get(at)!.calls.map(call => (test ? `${call} test` : call)))
        // Beside them states are only asked what they would do, which a run that is a test cannot be told from.
        if (!test)
          expect(calls.filter(call => / watch$|^s\d$/.test(call))).toEqual([...real, ...listenersCalls(shown, plan)])
      }),
      { numRuns: 300 },
    )
  })
})
