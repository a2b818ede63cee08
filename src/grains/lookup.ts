// Reading a value out of nested grains by a key such as `ip_interfaces:eth0:0`, as Salt's grains.get does.
import { isObject } from '../base/json.ts'
import { traverse } from '../protocol/target/traverse.ts'

/**
 * The value at `key`, or `fallback`. A list is entered by an index (a negative one counts from its end) or by a key of one
 * of the maps in it.
 */
export function lookup(data: unknown, key: string, fallback: unknown, delimiter = ':'): unknown {
  const found = traverse(data, key.split(delimiter))
  return found === undefined ? fallback : found.value
}

/** True where Python says so: an empty text, list or map, zero, false and null are not. */
export function truthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return isObject(value) ? Object.keys(value).length > 0 : Boolean(value)
}
