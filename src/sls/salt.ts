// `salt` in a template: the functions that it may call, as `salt['pillar.get'](…)` or `salt.pillar.get(…)`.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { changeable } from '../jinja/loaders.ts'
import type { Ask } from '../jinja/replay.ts'
import { type Budget, failure, type Members, type Method, toPlain, type Value, withMembers } from '../jinja/values.ts'
import { traverse } from '../protocol/target/traverse.ts'
import type { SlsSurroundings } from './types.ts'

const NAME = /^[A-Za-z_]\w*\.[A-Za-z_]\w*$/

/** Of one rendering. */
export function saltOf({ call, has, names }: SlsSurroundings, ask: Ask, budget: Budget): Value {
  const known = (fun: string) => NAME.test(fun) && (AT_ONCE.has(fun) || (has?.(fun) ?? true))

  const method =
    (fun: string): Method =>
    (args, named) => {
      const given = [args, named].map(one => toPlain(one, budget)) as [unknown[], Record<string, unknown>]
      const here = AT_ONCE.get(fun)
      const found = here && lookUp(names[here], given)
      if (found) return changeable(found.value, budget)
      const question = JSON.stringify([fun, ...given])
      try {
        return changeable(ask(question, () => call(fun, ...given)) ?? null, budget)
      } catch (error) {
        if (!(error instanceof ReactorError)) throw error
        throw new ReactorError(error.code, `salt['${fun}'] failed: ${errorMessage(error)}`, {}, error)
      }
    }

  const module = (name: string): Value =>
    withMembers({ ...FIXED, has: fun => known(`${name}.${fun}`), get: fun => method(`${name}.${fun}`) })

  return withMembers({
    ...FIXED,
    has: name => name === 'get' || known(name) || !name.includes('.'),
    get(name) {
      if (name === 'get')
        return ([fun, otherwise = null]: Value[]) => (known(String(fun)) ? method(String(fun)) : otherwise)
      return name.includes('.') ? method(name) : module(name)
    },
  })
}

const FIXED: Pick<Members, 'set'> = {
  set() {
    throw failure('the functions of salt cannot be set')
  },
}

/** What most templates ask for lies in what they are given: nothing has to be waited for. */
const AT_ONCE: ReadonlyMap<string, string> = new Map([
  ['pillar.get', 'pillar'],
  ['grains.get', 'grains'],
])

/** Undefined: these arguments want the function itself. */
function lookUp(data: unknown, [args, named]: [unknown[], Record<string, unknown>]): { value: unknown } | undefined {
  const [key, fallback = named.default ?? '', ...more] = args
  const others = Object.keys(named).some(name => name !== 'default')
  if (data === undefined || typeof key !== 'string' || more.length > 0 || others) return undefined
  return traverse(data, key.split(':')) ?? { value: fallback }
}
