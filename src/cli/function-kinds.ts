// The kinds of functions that people call by name.
export const FUNCTION_KINDS = ['execution', 'runner', 'wheel'] as const
export type FunctionKind = (typeof FUNCTION_KINDS)[number]

/** With those that stand in SLS files. */
export const ALL_KINDS = [...FUNCTION_KINDS, 'state', 'orchestration'] as const
