// Module `config`: one question for a value that may stand in the minion's config, its grains or its pillar.
import { z } from 'zod'
import { execution } from '../functions/define.ts'
import { traverse } from '../protocol/target/traverse.ts'

export const get = execution({
  doc: `Returns the first that there is of a value in module_config of the minion's config, in its grains, in its pillar.
    Example: reactor call web1 config.get web:port default=80`,
  args: {
    key: z.string().min(1).describe('a name; a path such as web:port leads into it'),
    default: z.unknown().default('').describe('what to return where there is no such value'),
    delimiter: z.string().min(1).default(':').describe('what separates the steps of the path'),
  },
  idempotent: true,
  run({ key, default: fallback, delimiter }, { config, grains, pillar }) {
    for (const source of [config, grains, pillar.current().value]) {
      const found = traverse(source, [key]) ?? traverse(source, key.split(delimiter))
      if (found) return found.value
    }
    return fallback
  },
})
