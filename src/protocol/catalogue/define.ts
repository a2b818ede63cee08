// How an event of the program is declared: its tag, who sends it, what its data holds. From the declarations come the tags and
// data where events are fired, docs/events.md, and what tests hold every stored event against.
import { z } from 'zod'
import { ReactorError } from '../../base/errors.ts'
import type { ServiceOrigin } from '../origin.ts'

/** Who fires it under their own origin. Operators may fire what their roles grant; here stands who does so as part of the program. */
export type Sender = 'minion' | 'operator' | ServiceOrigin

type Names<T extends string> = T extends `${string}<${infer N}>${infer Rest}` ? Bare<N> | Names<Rest> : never
/** `<path…>` may hold slashes. */
type Bare<N extends string> = N extends `${infer B}…` ? B : N

export interface EventSpec<F extends z.ZodRawShape, M extends string | undefined = string | undefined> {
  /** When it is fired: a line for the docs. */
  doc: string
  by: readonly Sender[]
  /** What its data holds, each described; nothing else is in it. */
  data: F
  /** Further fields, which the sender chooses: what they are. */
  more?: M
  /** An example for the docs, as a tag and its data: as Salt 3006 was seen to send it, or a real one of ours. */
  example?: readonly [tag: string, data: Readonly<Record<string, unknown>>]
  /** It goes over the minion's own bus alone, and is not stored. */
  local?: true
}

/** Data as `of` takes it: fields that are not declared are refused by tsc, in a variable too, unless there are `more`. */
type Exact<D, F, M> = undefined extends M ? D & Record<Exclude<keyof D, keyof F>, never> : D

export interface EventDefinition<
  T extends string = string,
  F extends z.ZodRawShape = z.ZodRawShape,
  M extends string | undefined = string | undefined,
> {
  /** With its parts in brackets: `salt/minion/<id>/start`; `<path…>` stands for any number of segments. */
  readonly pattern: T
  readonly doc: string
  readonly by: readonly Sender[]
  readonly data: z.ZodObject<F>
  readonly more: M
  readonly example: EventSpec<F>['example']
  readonly local: boolean
  /** Whether a tag is of this kind. */
  matches(tag: string): boolean
  /** The tag with its parts. */
  tag(parts: Record<Names<T>, string>): string
  /** Tag and data, as `fire` takes them. */
  of<D extends z.input<z.ZodObject<F>>>(
    parts: Record<Names<T>, string>,
    data: Exact<D, F, M>,
  ): [tag: string, data: Record<string, unknown>]
}

/** Any of them, for those who look at what is declared and fire nothing. */
export type AnyEvent = Omit<EventDefinition, 'tag' | 'of'>

export type DataOf<D> = D extends { readonly data: infer S extends z.ZodType } ? z.output<S> : never

/** Declares one. */
export function event<const T extends string, F extends z.ZodRawShape, const M extends string | undefined = undefined>(
  pattern: T,
  { doc, by, data, more, example, local }: EventSpec<F, M>,
): EventDefinition<T, F, M> {
  const texts = pattern.split(/<[^>]+>/)
  const names = [...pattern.matchAll(/<([^>…]+)(…?)>/g)].map(([, name, long]) => ({ name: name!, long: long !== '' }))
  const expression = new RegExp(
    `^${texts.map((text, at) => quoted(text) + (names[at] ? (names[at].long ? '(.*)' : '([^/]*)') : '')).join('')}$`,
    's',
  )
  const tag = tagOf(
    texts,
    names.map(({ name }) => name),
  )
  return {
    pattern,
    doc,
    by,
    data: more === undefined ? z.strictObject(data) : (z.looseObject(data) as unknown as z.ZodObject<F>),
    more: more as M,
    example,
    local: local === true,
    matches: text => expression.test(text),
    tag,
    of: (parts, fields) => [tag(parts), fields as Record<string, unknown>],
  }
}

type MakeTag = (parts: Readonly<Record<string, string>>) => string

/** Of one or two parts, as most are, as fast as a template: returns and jobs come by the ten thousand a second. */
function tagOf(texts: readonly string[], names: readonly string[]): MakeTag {
  const [a, b, c] = texts as [string, string, string]
  const [first, second] = names as [string, string]
  if (names.length === 1) return parts => a + parts[first] + b
  if (names.length === 2) return parts => a + parts[first] + b + parts[second] + c
  return parts => texts.map((text, at) => text + (at < names.length ? parts[names[at]!] : '')).join('')
}

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** What is wrong with an event as its declaration has it; undefined: nothing. */
export function problemOf(definition: Pick<AnyEvent, 'pattern' | 'data'>, data: unknown): string | undefined {
  const read = definition.data.safeParse(data)
  return read.success ? undefined : `${definition.pattern}: ${z.prettifyError(read.error)}`
}

/** Throws `internal` where two declarations have one pattern. */
export function catalogueOf<E extends Pick<AnyEvent, 'pattern'>>(definitions: readonly E[]): readonly E[] {
  const seen = new Set<string>()
  for (const { pattern } of definitions) {
    if (seen.has(pattern)) throw new ReactorError('internal', `the event ${pattern} is declared twice`)
    seen.add(pattern)
  }
  return [...definitions].sort((a, b) => (a.pattern < b.pattern ? -1 : 1))
}
