// The headers of a request that go into its event: those that the config names, written as Salt's webhook writes them.
import type { IncomingHttpHeaders } from 'node:http'

const MOST_VALUE = 1000

/** `x-github-event` → `X-Github-Event`. */
const titled = (name: string): string => name.replace(/(^|-)([a-z])/g, (_, dash, letter) => dash + letter.toUpperCase())

/** `hidden` are left out whatever the names are. */
export function createEventHeaders(
  names: readonly string[],
  hidden: readonly string[],
): (headers: IncomingHttpHeaders) => Record<string, string> {
  const shown = [...new Set(names)].filter(name => !hidden.includes(name)).map(name => [name, titled(name)] as const)
  return headers => {
    const found: Record<string, string> = {}
    for (const [name, title] of shown) {
      const value = headers[name]
      if (value !== undefined) found[title] = String(value).slice(0, MOST_VALUE)
    }
    return found
  }
}
