// What an operator may do: the sum of their roles, read once. Patterns are globs as rules have them for tags (micromatch),
// and plain globs (`*`, `?`) over `module.function` for functions.
export interface Grants {
  /** Execution functions, and on which minions: a compound target, or everywhere. */
  local: { tgt?: string; funs: string[] }[]
  runner: string[]
  wheel: string[]
  /** Tags of the events that they may read: tail and history. */
  read: string[]
  /** Tags of the events that they may fire. */
  fire: string[]
  /** Whose jobs they may look at. */
  jobs: 'own' | 'all'
}

export const NO_GRANTS: Grants = { local: [], runner: [], wheel: [], read: [], fire: [], jobs: 'own' }

/** The built-in role `admin`, and what a static operator of the server's config has. */
export const ALL_GRANTS: Grants = {
  local: [{ funs: ['*'] }],
  runner: ['*'],
  wheel: ['*'],
  read: ['**'],
  fire: ['**'],
  jobs: 'all',
}
