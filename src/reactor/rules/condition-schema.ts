// The shape of `when` as people write it, for editors: json-rules-engine's conditions.
import { z } from 'zod'
import { DECORATORS, OPERATORS } from './operators.ts'

/** Facts of one's own have names that are not known here. */
const fact = z.string().describe('tag, data, origin, stamp, minion, job, or a fact of your own')
const path = z.string().describe("JSONPath of names and indexes, for example $.load[0] or $['a.b']")
const params = z.record(z.string(), z.unknown()).describe('handed to a fact of your own')
const common = { name: z.string().optional(), priority: z.int().min(1).optional() }
const operatorPattern = `^((${Object.keys(DECORATORS).join('|')}):)*(${Object.keys(OPERATORS).join('|')})$`
const comparison = z.strictObject({
  fact,
  params: params.optional(),
  path: path.optional(),
  operator: z.string().regex(new RegExp(operatorPattern)),
  value: z.unknown().describe('a constant, or { fact, path }'),
  ...common,
})
const group = z.union([
  z.strictObject({ all: z.array(z.lazy(() => condition)).min(1), ...common }),
  z.strictObject({ any: z.array(z.lazy(() => condition)).min(1), ...common }),
  z.strictObject({ not: z.lazy(() => condition), ...common }),
])
const condition: z.ZodType = z.union([comparison, z.lazy(() => group)])

export const conditionsSchema = group.meta({ id: 'conditions' })
