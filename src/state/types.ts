// The words of states, as Salt has them: high data is what SLS files declare, low data the chunks that are run, in order.

/** `{id: {__sls__, __env__, <module>: [<args and function>, …]}}`, with `__extend__` and `__exclude__` where an SLS has them. */
export type HighData = Record<string, unknown>

/** What an ID declares. */
export interface Body {
  __sls__: string
  __env__: string
  /** SLS that include the one of it, however far away. */
  __sls_included_from__?: string[]
  [module: string]: unknown
}

/** `function`, or `{argument: value}` */
export type Arg = string | Record<string, unknown>

export const REQUISITES = ['require', 'watch', 'prereq', 'onfail', 'onchanges', 'listen'] as const
export type Requisite = (typeof REQUISITES)[number]

/** One state function to run. What is neither named here nor a word of the run (`unless`, `order`, …) is an argument of it. */
export interface Chunk {
  /** The module, such as `file`. */
  state: string
  /** The function of it, such as `managed`. */
  fun: string
  name: string
  __id__: string
  __sls__: string
  __env__: string
  order: number
  [key: string]: unknown
}

/** The key of a chunk in the return of a run: `file_|-/etc/motd_|-/etc/motd_|-managed`. */
export const chunkTag = ({ state, __id__, name, fun }: Pick<Chunk, 'state' | '__id__' | 'name' | 'fun'>): string =>
  `${state}_|-${__id__}_|-${name}_|-${fun}`

export const ANY_REQUISITES = [
  'require_any',
  'watch_any',
  'onfail_any',
  'onfail_all',
  'onchanges_any',
] as const satisfies readonly `${Requisite}_${'any' | 'all'}`[]

/** `prerequired`: of the target of a `prereq`, what declares it, which runs first. */
export type ResolvedKind = Requisite | (typeof ANY_REQUISITES)[number] | 'prerequired'

/** One reference of a requisite. */
export interface Resolved {
  kind: ResolvedKind
  /** As it is declared: `{file: '/etc/motd'}`. */
  wanted: Record<string, string>
  /** The places in the list of chunks of what it names; empty where nothing is found. */
  chunks: readonly number[]
}

/** What came of compiling; with errors nothing is run. */
export interface Compiled {
  /** What was read, merged, before extensions and requisites of others are worked in: what Salt's `state.show_sls` shows. */
  high: HighData
  /** In the order in which they run: what one requires stands before it. */
  chunks: Chunk[]
  /** Of each chunk, at its place. */
  requisites: Resolved[][]
  errors: string[]
}
