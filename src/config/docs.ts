// The configuration described from its schema: JSON Schema for editors, rows for the docs.
import { z } from 'zod'
import { configSchema } from './schema.ts'

export interface SettingDoc {
  path: string
  fallback?: string
  doc: string
}

export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>
  // `mysql.host` and its like: see `returner_settings`.
  return { ...schema, patternProperties: { '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)+$': {} } }
}

/** Every setting by its path, with its default. */
export function describeConfig(): SettingDoc[] {
  return rows('', configJsonSchema())
}

function rows(path: string, schema: Record<string, unknown>): SettingDoc[] {
  const properties = (schema.properties ?? {}) as Record<string, Record<string, unknown>>
  return Object.entries(properties).flatMap(([key, property]) => {
    const full = path ? `${path}.${key}` : key
    if (property.properties) return rows(full, property)
    const fallback = property.default
    // A default that depends on the machine is described in words.
    const shown = fallback === undefined || full === 'minion.id' ? undefined : JSON.stringify(fallback)
    return [
      { path: full, doc: String(property.description ?? ''), ...(shown === undefined ? {} : { fallback: shown }) },
    ]
  })
}
