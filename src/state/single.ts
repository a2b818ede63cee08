// One state without an SLS, as the compiler reads it.

/** IDs that mean something else at the top of an SLS. */
const TAKEN = /^(?:include|exclude|extend$|__)/

export const singleState = (fun: string, name: string, args: Readonly<Record<string, unknown>>) => ({
  [TAKEN.test(name) ? `single ${name}` : name]: {
    [fun]: [{ name }, ...Object.entries(args).map(([key, value]) => ({ [key]: value }))],
  },
})
