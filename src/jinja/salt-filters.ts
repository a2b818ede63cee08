// Salt's filters on single values, of documents alone: YAML and JSON, digests, quoting, addresses, dates.
import { createHash } from 'node:crypto'
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { DateTime } from 'luxon'
import type { Loader } from './ast.ts'
import { own } from './attributes.ts'
import { type Callable, filter, flag } from './callable.ts'
import { parseAs } from './loaders.ts'
import { REGEX_FILTERS } from './regex.ts'
import { SALT_LIST_FILTERS } from './salt-lists.ts'
import { strftime } from './strftime.ts'
import { asText, textOf } from './text.ts'
import { failure, isDict, numberOf, toPlain, typeName, type Value } from './values.ts'
import { writeYaml } from './yaml.ts'

const digest = (algorithm: string): Callable =>
  filter([], (value, _args, c) => {
    const text = asText(value, c)
    c.budget.spend(1 + text.length / 100)
    return createHash(algorithm).update(text).digest('hex')
  })

const load = (as: Loader): Callable => filter([], (value, _args, c) => parseAs(as, asText(value, c), `load_${as}`, c))

/** Addresses and networks of that version, text or a list of it; none where it is no such. */
const addresses = (fits: (address: string) => boolean): Callable => {
  const one = (value: Value): Value => {
    if (typeof value !== 'string') return null
    const [address = '', prefix, more] = value.split('/')
    const bits = isIPv6(address) ? 128 : 32
    const inRange = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)
    return fits(address) && inRange && more === undefined ? value : null
  }
  return filter([], value => (Array.isArray(value) ? own(value.map(one).filter(found => found !== null)) : one(value)))
}
const isAddress = (fits: (address: string) => boolean): Callable =>
  filter([], value => typeof value === 'string' && fits(value))

/** uuid5 in Salt's own namespace. */
function uuid(text: string): string {
  const bytes = createHash('sha1').update(Buffer.from('91633ebf1c865e33935a28061f4b480e', 'hex')).update(text).digest()
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes
    .toString('hex')
    .slice(0, 32)
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** A moment in seconds since 1970, as ISO text, or now; in local time as Salt has it. */
function moment(value: Value): DateTime {
  const seconds = typeof value === 'boolean' ? undefined : numberOf(value)
  if (value === null || value === '') return DateTime.local()
  if (seconds !== undefined) return DateTime.fromSeconds(seconds)
  const read = typeof value === 'string' ? DateTime.fromISO(value.trim().replace(' ', 'T')) : undefined
  if (read?.isValid) return read
  throw failure(`a date is seconds since 1970 or text such as 2026-11-22T17:52:04, got ${typeName(value)}`)
}

export const SALT_FILTERS: Readonly<Record<string, Callable>> = {
  ...REGEX_FILTERS,
  ...SALT_LIST_FILTERS,
  yaml: filter(['flow_style?'], (value, [flow], c) => {
    const text = writeYaml(toPlain(value, c.budget), flow !== undefined && !flag(flow))
    c.budget.spend(1, text.length)
    return text
  }),
  yaml_encode: filter([], (value, _args, c) => {
    if (Array.isArray(value) || isDict(value)) throw failure(`yaml_encode takes a single value, got ${typeName(value)}`)
    return writeYaml(toPlain(value, c.budget))
  }),
  load_yaml: load('yaml'),
  load_json: load('json'),
  md5: digest('md5'),
  sha1: digest('sha1'),
  sha256: digest('sha256'),
  sha512: digest('sha512'),
  uuid: filter([], (value, _args, c) => uuid(asText(value, c))),
  quote: filter([], (value, _args, c) => {
    const text = asText(value, c)
    return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`
  }),
  is_ip: isAddress(address => isIP(address) !== 0),
  is_ipv4: isAddress(isIPv4),
  is_ipv6: isAddress(isIPv6),
  ipaddr: addresses(address => isIP(address) !== 0),
  ipv4: addresses(isIPv4),
  ipv6: addresses(isIPv6),
  strftime: filter(['format?'], (value, [format = '%Y-%m-%d'], c) => {
    const text = strftime(moment(value), textOf(format, 'the format'))
    c.budget.spend(1, text.length)
    return text
  }),
  path_join: {
    run: (value, args) => [value, ...args].map(part => textOf(part, 'a part of the path')).reduce(joinPath),
  },
}

/** As Python's: a part that begins with / begins anew. */
function joinPath(path: string, part: string): string {
  if (part.startsWith('/') || path === '') return part
  return path.endsWith('/') ? path + part : `${path}/${part}`
}
