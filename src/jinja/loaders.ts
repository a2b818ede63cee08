// Texts that become values which the template may change: of `load_yaml`, `import_json` and their like.
import { errorMessage } from '../base/errors.ts'
import type { Loader } from './ast.ts'
import { own, setKey } from './attributes.ts'
import type { Context } from './callable.ts'
import { type Budget, type Dict, failure, isDict, type Value } from './values.ts'
import { readYaml } from './yaml.ts'

/** `from` names the text in errors. Throws `template`. */
export function parseAs(as: Loader, text: string, from: string, { budget, documents }: Context): Value {
  budget.spend(text.length, text.length)
  if (as === 'text') return text
  return changeable(
    as === 'yaml' ? readYaml(text, { path: from, tags: documents?.tags ?? [] }) : parseJson(text, from),
    budget,
  )
}

function parseJson(text: string, from: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw failure(`${from} is no JSON: ${errorMessage(error)}`)
  }
}

/** A copy that the template may change. */
export function changeable(value: Value, budget: Budget): Value {
  budget.spend(1)
  if (Array.isArray(value)) return own(value.map(one => changeable(one, budget)))
  if (!isDict(value)) return value
  const copy = own<Dict>({})
  for (const [key, one] of Object.entries(value)) setKey(copy, key, changeable(one, budget))
  return copy
}
