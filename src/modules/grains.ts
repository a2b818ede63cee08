// Module `grains`: what the minion knows of its machine.
import { z } from 'zod'
import { execution } from '../functions/define.ts'
import { lookup, truthy } from '../grains/lookup.ts'

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
