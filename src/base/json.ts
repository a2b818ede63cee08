// JSON values and the little that the program needs to do with them beyond JSON.parse.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Sets a key of a map that others wrote: `__proto__` is a key as any other, as `Object.fromEntries` has it. */
export function setOwn(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true })
  else map[key] = value
}

/** JSON with sorted keys: equal values give equal text, so its hash names the value. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )
}

/** Maps and lists deeper than this are refused: what reads or writes them again would run out of stack. */
export const MAX_DEPTH = 500

/** JSON.parse for text that others wrote. Throws on what is no JSON, and on what is nested too deep. */
export function parseForeignJson(text: string): unknown {
  if (text.length > 2 * MAX_DEPTH && depthExceeds(text, MAX_DEPTH))
    throw new Error(`nested deeper than ${MAX_DEPTH} levels`)
  return JSON.parse(text)
}

function depthExceeds(text: string, limit: number): boolean {
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (quoted) {
      if (code === 0x5c) i++
      else if (code === 0x22) quoted = false
    } else if (code === 0x22) quoted = true
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > limit) return true
    } else if (code === 0x7d || code === 0x5d) depth--
  }
  return false
}
