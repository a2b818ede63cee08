// Text of a length that others choose, made to fit.

/** At most `most` UTF-16 units, the last of them `…` where something is left out; never half a character. */
export const cut = (text: string, most: number): string =>
  (text.length > most ? `${text.slice(0, most - 1)}…` : text).toWellFormed()
