// Module `service`: starts, stops and looks at services by the service manager that the machine has.
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { detectServices } from '../execution/services/detect.ts'
import type { Action, Boot } from '../execution/services/provider.ts'
import { execution } from '../functions/define.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'

const name = z.string().min(1).describe('the name of the service')
const timeout = z
  .union([z.number(), z.string()])
  .default('2m')
  .describe('seconds, or a duration such as 5m, after which the attempt is killed')
const acting = { name, timeout }
/** A question to the service manager is answered at once, or it hangs. */
const LOOK_MS = 30_000

export const status = execution({
  doc: `Tells whether a service runs: true or false; false as well where there is no such service.
    Example: reactor call web1 service.status nginx`,
  args: { name },
  idempotent: true,
  run: (args, context) => detectServices(context.config).status(args.name, looking(context)),
})

export const available = execution({
  doc: `Tells whether there is such a service, running or not.
    Example: reactor call web1 service.available nginx`,
  args: { name },
  idempotent: true,
  run: (args, context) => detectServices(context.config).available(args.name, looking(context)),
})

export const get_all = execution({
  doc: `Lists the names of all services, sorted.
    Example: reactor call web1 service.get_all`,
  idempotent: true,
  run: (_args, context) => detectServices(context.config).list(looking(context)),
})

export const start = execution({
  doc: `Starts a service. Returns true once it is started, also where it ran already; fails with what its start said.
    Example: reactor call web1 service.start nginx`,
  args: acting,
  idempotent: true,
  run: (args, context) => act('start', args, context),
})

export const stop = execution({
  doc: `Stops a service. Returns true once it is stopped, also where it was; fails with what its stop said.
    Example: reactor call web1 service.stop nginx`,
  args: acting,
  idempotent: true,
  run: (args, context) => act('stop', args, context),
})

export const restart = execution({
  doc: `Stops a service, if it runs, and starts it. Returns true once that is done; fails with what the restart said.
    Example: reactor call web1 service.restart nginx timeout=5m`,
  args: acting,
  run: (args, context) => act('restart', args, context),
})

export const reload = execution({
  doc: `Has a service read its configuration again without stopping it. Returns true; fails with what was said.
    Example: reactor call web1 service.reload nginx`,
  args: acting,
  run: (args, context) => act('reload', args, context),
})

export const enabled = execution({
  doc: `Tells whether a service is started with the machine; false as well where there is no such service.
    Example: reactor call web1 service.enabled nginx`,
  args: { name },
  idempotent: true,
  run: (args, context) => detectServices(context.config).enabled(args.name, looking(context)),
})

export const disabled = execution({
  doc: `Tells whether a service is not started with the machine.
    Example: reactor call web1 service.disabled nginx`,
  args: { name },
  idempotent: true,
  run: async (args, context) => !(await detectServices(context.config).enabled(args.name, looking(context))),
})

export const enable = execution({
  doc: `Has a service started with the machine. Returns true; fails with what the service manager said.
    Example: reactor call web1 service.enable nginx`,
  args: { name },
  idempotent: true,
  run: (args, context) => boot('enable', args.name, context),
})

export const disable = execution({
  doc: `Has a service not started with the machine. Returns true; fails with what the service manager said.
    Example: reactor call web1 service.disable nginx`,
  args: { name },
  idempotent: true,
  run: (args, context) => boot('disable', args.name, context),
})

async function boot(how: Boot, name: string, context: ExecutionContext): Promise<true> {
  await detectServices(context.config).setBoot(how, name, looking(context))
  return true
}

function looking({ signal, onProcess }: ExecutionContext) {
  return { timeoutMs: LOOK_MS, signal, onPid: onProcess }
}

async function act(
  action: Action,
  args: { name: string; timeout: number | string },
  context: ExecutionContext,
): Promise<true> {
  const limits = { timeoutMs: parseDuration(args.timeout), signal: context.signal, onPid: context.onProcess }
  await detectServices(context.config).act(action, args.name, limits)
  return true
}
