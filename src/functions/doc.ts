// Help of a function, made from its declaration: usage line, arguments, JSON Schema.
import { z } from 'zod'
import { describe } from './args.ts'
import type { FunctionDefinition } from './define.ts'
import type { ArgumentDoc, FunctionDoc } from './help.ts'

export function functionDoc(name: string, fn: FunctionDefinition): FunctionDoc {
  const properties = (jsonSchema(fn).properties ?? {}) as Record<string, Record<string, unknown>>
  const args = Object.entries(fn.args).map(([arg, schema]): ArgumentDoc => {
    const property = properties[arg] ?? {}
    const doc = property.description
    return {
      name: arg,
      type: describe(schema),
      required: !schema.safeParse(undefined).success,
      ...('default' in property ? { default: property.default } : {}),
      ...(typeof doc === 'string' ? { doc } : {}),
    }
  })
  const words = args.map(arg => (arg.required ? `<${arg.name}>` : `[${arg.name}=…]`))
  if (fn.rest !== undefined) words.push(`[${fn.rest}…]`)
  if (fn.extra !== undefined) words.push(`[name=value…]`)
  return { name, kind: fn.kind, usage: [name, ...words].join(' '), doc: fn.doc, args, idempotent: fn.idempotent }
}

/** JSON Schema of the named arguments, as NATS clients find it in the service's metadata. */
export function jsonSchema(fn: FunctionDefinition): Record<string, unknown> {
  const schema = z.toJSONSchema(z.object(fn.args), { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>
  return { ...schema, additionalProperties: fn.extra !== undefined }
}

/** The same help as a page of text, as `-d` and `reactor functions <name>` print it. */
export function formatDoc(doc: FunctionDoc): string {
  const lines = [doc.usage, '', ...doc.doc.split('\n').map(line => `    ${line.trim()}`.trimEnd())]
  if (doc.args.length > 0) lines.push('')
  for (const arg of doc.args) {
    const fallback = arg.default === undefined ? '' : `, default ${JSON.stringify(arg.default)}`
    lines.push(`    ${arg.name} (${arg.type}${arg.required ? ', required' : fallback})${arg.doc ? `: ${arg.doc}` : ''}`)
  }
  return lines.join('\n')
}
