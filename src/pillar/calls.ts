// What templates of pillar may call: they are rendered on the master, where no function of the minion is.
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { lookup, truthy } from '../grains/lookup.ts'
import { filterBy } from './filter-by.ts'

type Data = Readonly<Record<string, unknown>>
type Call = (args: unknown[], named: Record<string, unknown>) => unknown

export interface PillarCalls {
  call(fun: string, args: unknown[], named: Record<string, unknown>): unknown
  has(fun: string): boolean
}

export function createPillarCalls(grains: Data, pillar: Data): PillarCalls {
  const get =
    (data: Data): Call =>
    (args, named) => {
      const { key, default: fallback = '', delimiter = ':' } = bind(['key', 'default', 'delimiter'], args, named)
      return lookup(data, String(key), fallback, String(delimiter))
    }
  const calls: Readonly<Record<string, Call>> = {
    'grains.get': get(grains),
    'grains.items': () => grains,
    'grains.item': args => Object.fromEntries(args.map(String).map(key => [key, lookup(grains, key, '')])),
    'grains.has_value': (args, named) => truthy(lookup(grains, String(bind(['key'], args, named).key), false)),
    'grains.filter_by': (args, named) =>
      filterBy(grains, bind(['lookup_dict', 'grain', 'merge', 'default', 'base'], args, named)),
    'pillar.get': get(pillar),
    'pillar.items': () => pillar,
  }
  return {
    has: fun => Object.hasOwn(calls, fun),
    call(fun, args, named) {
      if (Object.hasOwn(calls, fun)) return calls[fun]!(args, named)
      const known = Object.keys(calls)
      throw new ReactorError(
        'template',
        `pillar is rendered on the master, where '${fun}' cannot be called; these can: ${known.join(', ')}.${didYouMean(fun, known)}`,
      )
    },
  }
}

function bind(names: readonly string[], args: unknown[], named: Record<string, unknown>): Record<string, unknown> {
  const unknown = Object.keys(named).find(name => !names.includes(name))
  if (unknown !== undefined || args.length > names.length)
    throw new ReactorError(
      'template',
      `takes ${names.join(', ')}; got ${unknown === undefined ? `${args.length} arguments` : `'${unknown}'`}`,
    )
  const given = Object.fromEntries(args.map((value, at) => [names[at]!, value]))
  return { ...given, ...named }
}
