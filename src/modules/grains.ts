// Module `grains`: what the minion knows of its machine.
import { z } from 'zod'
import { execution } from '../functions/define.ts'
import { lookup, truthy } from '../grains/lookup.ts'
import { filterBy } from '../pillar/filter-by.ts'

const key = z.string().min(1).describe('the name of a grain; a path such as ip_interfaces:eth0:0 leads into it')
const fallback = z.unknown().default('').describe('what to return where there is no such grain')
const delimiter = z.string().min(1).default(':').describe('what separates the steps of the path')

export const items = execution({
  doc: `Returns all grains.
    Example: reactor call web1 grains.items`,
  idempotent: true,
  run: (_args, { grains }) => grains,
})

export const ls = execution({
  doc: `Lists the names of all grains, sorted.
    Example: reactor call web1 grains.ls`,
  idempotent: true,
  run: (_args, { grains }) => Object.keys(grains).sort(),
})

/** The other name by which it is asked for. */
export const keys = ls

export const get = execution({
  doc: `Returns one grain, or a value inside it; the default where there is none.
    Example: reactor call web1 grains.get ip_interfaces:eth0:0 default=unknown`,
  args: { key, default: fallback, delimiter },
  idempotent: true,
  run: (args, { grains }) => lookup(grains, args.key, args.default, args.delimiter),
})

export const item = execution({
  doc: `Returns a map of the grains named, with an empty text for one that is not there.
    Example: reactor call web1 grains.item os osrelease mem_total`,
  args: { key },
  rest: 'keys',
  idempotent: true,
  run: ({ key, keys }, { grains }) =>
    Object.fromEntries([key, ...keys].map(String).map(name => [name, lookup(grains, name, '')])),
})

export const has_value = execution({
  doc: `Tells whether a grain is there and neither empty, zero nor false.
    Example: reactor call web1 grains.has_value locale_info:timezone`,
  args: { key },
  idempotent: true,
  run: (args, { grains }) => truthy(lookup(grains, args.key, false)),
})

const table = z.record(z.string(), z.unknown())

export const filter_by = execution({
  doc: `Returns the entry of a table whose name, a glob, fits the value of a grain; the default's where none does.
    Example: reactor call web1 grains.filter_by '{"Debian": {"pkg": "apache2"}, "RedHat": {"pkg": "httpd"}}'`,
  args: {
    lookup_dict: table.describe('the table: {value: entry}'),
    grain: z.string().min(1).default('os_family').describe('the grain; a path such as a:b leads into it'),
    merge: table.nullish().describe('a map that is laid over the entry, such as what pillar says'),
    default: z.string().default('default').describe('the name of the entry where none fits'),
    base: z.string().nullish().describe('the name of an entry that the other is laid over'),
  },
  idempotent: true,
  run: (args, { grains }) => filterBy(grains, args),
})
