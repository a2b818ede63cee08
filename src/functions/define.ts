// How a function is declared. A module is a file, a function is an export of it: `modules/test.ts` exports `ping`,
// so the function is `test.ping`.
import type { z } from 'zod'
import type { CallContext, Contexts, Kind } from './context.ts'
import type { Guard } from './guards.ts'
import type { OfAState } from './state-context.ts'

export type Shape = Readonly<Record<string, z.ZodType>>
export type ArgsOf<A extends Shape> = { [K in keyof A]: z.output<A[K]> }
export type KeysOf<N extends string | undefined, V> = N extends string ? { [K in N]: V } : unknown

type NameOf<N> = N extends string ? N : never

export interface Spec<K extends Kind, A extends Shape, R extends string | undefined, X extends string | undefined> {
  /** What it does: a first line that stands alone, then whatever else a caller should know, an example included. */
  doc: string
  /** The arguments by name; their order is the order of positional arguments. */
  args?: A
  /** Name under which surplus positional arguments arrive, where the function takes any number of them. */
  rest?: R
  /** Name under which unknown keyword arguments arrive, where the function takes any. */
  extra?: X
  /** True where running it again under the same key does no harm. */
  idempotent?: boolean
  /** Keys of its return that only the caller is given: events and the job cache have `[redacted]` in their place. */
  secrets?: readonly string[]
  /** Arguments of which events and the job's record have the size alone. */
  bulky?: readonly string[]
  /** What arguments are used as that a value from an event must not decide: see guards.ts. */
  guards?: { readonly [N in keyof A | NameOf<R> | NameOf<X>]?: Guard }
  run(
    args: ArgsOf<A> & KeysOf<R, unknown[]> & KeysOf<X, Record<string, unknown>>,
    context: Contexts[K],
  ): unknown | Promise<unknown>
  /**
   * Of a state function: what it does in the place of `run` where something that it watches has changed and `run` itself found
   * nothing to do (Salt's mod_watch). Without it, `watch` is no more than `require`.
   */
  watch?(
    args: ArgsOf<A> & KeysOf<R, unknown[]> & KeysOf<X, Record<string, unknown>>,
    context: Contexts[K],
  ): unknown | Promise<unknown>
}

/** A spec that serves several kinds: it uses only what every context has. `execution(common({…}))`, `runner(common({…}))`. */
export function common<
  A extends Shape = Record<never, never>,
  R extends string | undefined = undefined,
  X extends string | undefined = undefined,
>(
  spec: Omit<Spec<Kind, A, R, X>, 'run'> & {
    run(args: ArgsOf<A> & KeysOf<R, unknown[]> & KeysOf<X, Record<string, unknown>>, context: CallContext): unknown
  },
): typeof spec {
  return spec
}

/** The same for states: it uses only what those of minions and of orchestrations both have. */
export function commonState<
  A extends Shape = Record<never, never>,
  R extends string | undefined = undefined,
  X extends string | undefined = undefined,
>(
  spec: Omit<Spec<'state', A, R, X>, 'run' | 'watch'> & {
    run(args: ArgsOf<A> & KeysOf<R, unknown[]> & KeysOf<X, Record<string, unknown>>, context: InAnyRun): unknown
    watch?(args: ArgsOf<A> & KeysOf<R, unknown[]> & KeysOf<X, Record<string, unknown>>, context: InAnyRun): unknown
  },
): typeof spec {
  return spec
}

type InAnyRun = CallContext & OfAState

const MARK = Symbol.for('reactor.function')

/** A declared function as the rest of the program holds it. */
export interface FunctionDefinition<K extends Kind = Kind> {
  readonly [MARK]: true
  readonly kind: K
  readonly doc: string
  readonly args: Shape
  readonly rest: string | undefined
  readonly extra: string | undefined
  readonly idempotent: boolean
  readonly secrets: readonly string[]
  readonly bulky: readonly string[]
  readonly guards: Readonly<Record<string, Guard | undefined>>
  run(args: Record<string, unknown>, context: Contexts[K]): unknown | Promise<unknown>
  watch?(args: Record<string, unknown>, context: Contexts[K]): unknown | Promise<unknown>
}

function definer<K extends Kind>(kind: K) {
  return <
    A extends Shape = Record<never, never>,
    R extends string | undefined = undefined,
    X extends string | undefined = undefined,
  >(
    spec: Spec<K, A, R, X>,
  ): FunctionDefinition<K> => ({
    [MARK]: true,
    kind,
    doc: spec.doc.trim(),
    args: spec.args ?? {},
    rest: spec.rest,
    extra: spec.extra,
    idempotent: spec.idempotent ?? false,
    secrets: spec.secrets ?? [],
    bulky: spec.bulky ?? [],
    guards: { ...(spec.guards as Record<string, Guard> | undefined) },
    run: spec.run as FunctionDefinition<K>['run'],
    ...(spec.watch ? { watch: spec.watch as NonNullable<FunctionDefinition<K>['watch']> } : {}),
  })
}

export const execution = definer('execution')
export const runner = definer('runner')
export const wheel = definer('wheel')
/** A state function: it returns a `StateReturn`, and has an argument `name`. */
export const state = definer('state')
/** The same for an orchestration. */
export const orchestration = definer('orchestration')

export function isFunctionDefinition(value: unknown): value is FunctionDefinition {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true
}
