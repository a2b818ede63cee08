// Finds declared states by what others call them: ID, name, SLS. Looked up, so that ten thousand references cost no search each.
import { modulesOf } from './read-sls.ts'
import type { Body } from './types.ts'

export interface Targets {
  /** IDs that declare the module under this name. */
  named(module: string, name: string): string[]
  /** What a reference of `require_in` and its like means: the module may be `id` or `sls`. */
  meant(module: string, name: string): [id: string, module: string][]
}

export function createTargets(declared: ReadonlyMap<string, Body>): Targets {
  const byName = new Map<string, string[]>()
  const bySls = new Map<string, [id: string, module: string][]>()
  const put = <T>(map: Map<string, T[]>, key: string, value: T) => {
    const list = map.get(key)
    if (list) list.push(value)
    else map.set(key, [value])
  }
  for (const [id, body] of declared)
    for (const [module, args] of modulesOf(body)) {
      for (const sls of [body.__sls__, ...(body.__sls_included_from__ ?? [])]) put(bySls, sls, [id, module])
      for (const arg of args) {
        if (typeof arg === 'string') continue
        const names = typeof arg.name === 'string' ? [arg.name] : Array.isArray(arg.names) ? arg.names : []
        for (const name of names) {
          const text = typeof name === 'string' ? name : Object.keys(name)[0]!
          put(byName, `${module}\0${text}`, id)
          put(byName, `\0${text}`, id)
        }
      }
    }

  const named = (module: string, name: string) => byName.get(`${module}\0${name}`) ?? []
  return {
    named,
    meant(module, name) {
      if (module === 'sls') return bySls.get(name) ?? []
      const body = declared.get(name)
      if (module === 'id') {
        const ids = body ? [name] : named('', name)
        return ids.flatMap(id => modulesOf(declared.get(id)!).map(([of]): [string, string] => [id, of]))
      }
      if (body && Object.hasOwn(body, module)) return [[name, module]]
      return named(module, name).map(id => [id, module])
    },
  }
}
