// Help of a function, made from its declaration: usage line, arguments, JSON Schema.
import { z } from 'zod'
import { describe } from './args.ts'
import type { FunctionDefinition, Shape } from './define.ts'
import type { ArgumentDoc, FunctionDoc } from './help.ts'

export function functionDoc(name: string, fn: FunctionDefinition): FunctionDoc {
  const args = argumentDocs(fn.args)
  const words = args.map(arg => (arg.required ? `<${arg.name}>` : `[${arg.name}=…]`))
  if (fn.rest !== undefined) words.push(`[${fn.rest}…]`)
  if (fn.extra !== undefined) words.push(`[name=value…]`)
  return { name, kind: fn.kind, usage: [name, ...words].join(' '), doc: fn.doc, args, idempotent: fn.idempotent }
}

/** Named values as help tells of them: arguments of a function, settings of a returner. */
export function argumentDocs(shape: Shape): ArgumentDoc[] {
  const properties = (schemaOf(shape).properties ?? {}) as Record<string, Record<string, unknown>>
  return Object.entries(shape).map(([name, schema]): ArgumentDoc => {
    const property = properties[name] ?? {}
    const doc = property.description
    return {
      name,
      type: describe(schema),
      required: !schema.safeParse(undefined).success,
      ...('default' in property ? { default: property.default } : {}),
      ...(typeof doc === 'string' ? { doc } : {}),
    }
  })
}

export function formatArgument(arg: ArgumentDoc): string {
  const fallback = arg.default === undefined ? '' : `, default ${JSON.stringify(arg.default)}`
  return `${arg.name} (${arg.type}${arg.required ? ', required' : fallback})${arg.doc ? `: ${arg.doc}` : ''}`
}

const schemaOf = (shape: Shape): Record<string, unknown> =>
  z.toJSONSchema(z.object(shape), { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>

/** Lines of a text in source code: those behind the first stand in as far as the least of them does. */
export function dedented(text: string): string[] {
  const [first = '', ...rest] = text.split('\n')
  const depths = rest.filter(line => line.trim() !== '').map(line => line.search(/\S/))
  const depth = Math.min(...depths)
  return [first.trim(), ...rest.map(line => line.slice(depth).trimEnd())]
}

/** JSON Schema of the named arguments, as NATS clients find it in the service's metadata. */
export function jsonSchema(fn: FunctionDefinition): Record<string, unknown> {
  return { ...schemaOf(fn.args), additionalProperties: fn.extra !== undefined }
}

/** The same help as a page of text, as `-d` and `reactor functions <name>` print it. */
export function formatDoc(doc: FunctionDoc): string {
  const lines = [doc.usage, '', ...dedented(doc.doc).map(line => `    ${line}`.trimEnd())]
  if (doc.args.length > 0) lines.push('')
  for (const arg of doc.args) lines.push(`    ${formatArgument(arg)}`)
  return lines.join('\n')
}
