// What a rule may be called, and what the reactions of its `on_failure` are called.

const NAME = '(?!_)[A-Za-z0-9_.-]{1,100}'
export const RULE_NAME = new RegExp(`^${NAME}$`)

/** What `on_failure` of `rule` is called in reactions, decisions and lists. */
export const failureRule = (rule: string): string => `${rule}${FAILURE}`

const FAILURE = ':on_failure'
const IN_CHAIN = new RegExp(`^${NAME}(?:${FAILURE})?$`)

/** Whether it can be the name of what fired: of a rule, or of its `on_failure`. */
export const isFiringName = (name: string): boolean => IN_CHAIN.test(name)
