// The words of states, as Salt has them: high data is what SLS files declare, low data the chunks that are run, in order.

/** `{id: {__sls__, __env__, <module>: [<args and function>, …]}}` */
export type HighData = Record<string, Record<string, unknown>>

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

/** What came of compiling; with errors nothing is run. */
export interface Compiled {
  high: HighData
  chunks: Chunk[]
  errors: string[]
}
