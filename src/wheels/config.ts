// Wheel `config`: what the master is configured to do.
import { wheel } from '../functions/define.ts'

export const values = wheel({
  doc: `Returns the master's configuration in force, defaults included and secrets left out.
    Example: reactor wheel config.values`,
  idempotent: true,
  run: (_args, context) => context.config(),
})
