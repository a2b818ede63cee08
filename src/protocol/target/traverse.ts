// Walking down nested data by the parts of a key such as `ip_interfaces:eth0:0`, as Salt's traverse_dict_and_list does.
import { isObject } from '../../base/json.ts'

/**
 * What lies at `path`, or undefined. A list is entered by a key of one of the maps in it, or by an index (a negative one
 * counts from its end).
 */
export function traverse(data: unknown, path: readonly string[]): { value: unknown } | undefined {
  let found: { value: unknown } | undefined = { value: data }
  for (const part of path) {
    found = Array.isArray(found.value) ? listEntry(found.value, part) : mapEntry(found.value, part)
    if (found === undefined) return undefined
  }
  return found
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
