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

/** Of very many, as of a list of includes that a minion's grain filled in, so many are said. */
const MOST_SAID = 50

export const boundedProblems = (problems: readonly Problem[]): Problem[] =>
  problems.length <= MOST_SAID
    ? [...problems]
    : [...problems.slice(0, MOST_SAID), problemOf(`and ${problems.length - MOST_SAID} more`)]
