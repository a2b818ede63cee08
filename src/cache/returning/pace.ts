// When a store that did not take something is tried again.

export interface Pace {
  /** After the first try that failed, and at most, milliseconds. */
  firstMs: number
  mostMs: number
  /** It is looked whose the consumer is, unless that was so lately: once nobody has read it for longer, another may have it. */
  ownForMs: number
}

/** Tries of a record that fails by itself while the store takes others. */
export const ALONE = 5

/** `failures`: of the store, in a row; `alone`: of a record while the store took others. A lock, or a want of room, passes. */
export const pauseMs = ({ firstMs, mostMs }: Pace, failures: number, alone: number): number =>
  alone > 0 ? mostMs * 2 ** alone : Math.min(firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 10), mostMs)

/** None lasts longer. */
export const longestMs = ({ mostMs }: Pace): number => mostMs * 2 ** ALONE
