// What is wrong with a pillar, in two ways: what the minion hears, and what people of the master do.

export interface Problem {
  /** For the operator. */
  whole: string
  /** For the minion: a template may have parts that are not for it. */
  said: string
}

export const problemOf = (whole: string, said = whole): Problem => ({ whole, said })

/** As Salt returns them under `_errors`. */
export const saidOf = (problems: readonly Problem[], safe: boolean): string[] =>
  problems.map(({ said, whole }) => (safe ? said : whole))
