// Reading a value out of nested grains by a key such as `ip_interfaces:eth0:0`, as Salt's grains.get does.
import { isObject } from '../base/json.ts'

/**
 * The value at `key`, or `fallback`. A list is entered by an index (a negative one counts from its end) or by a key of one
 * of the maps in it.
 */
export function lookup(data: unknown, key: string, fallback: unknown, delimiter = ':'): unknown {
  let value = data
  for (const part of key.split(delimiter)) {
    const next = Array.isArray(value) ? listEntry(value, part) : mapEntry(value, part)
    if (next === undefined) return fallback
    value = next.value
  }
  return value
}

function listEntry(list: unknown[], part: string): { value: unknown } | undefined {
  for (const item of list) {
    const found = mapEntry(item, part)
    if (found) return found
  }
  if (!/^-?\d+$/.test(part)) return undefined
  const index = Number(part) < 0 ? list.length + Number(part) : Number(part)
  return index >= 0 && index < list.length ? { value: list[index] } : undefined
}

function mapEntry(map: unknown, part: string): { value: unknown } | undefined {
  return isObject(map) && Object.hasOwn(map, part) ? { value: map[part] } : undefined
}

/** True where Python says so: an empty text, list or map, zero, false and null are not. */
export function truthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return isObject(value) ? Object.keys(value).length > 0 : Boolean(value)
}
