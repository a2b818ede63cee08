// States `service`: that a service runs or does not, and is started with the machine or is not.
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { errorMessage } from '../base/errors.ts'
import { detectServices } from '../execution/services/detect.ts'
import type { Limits, ServiceProvider } from '../execution/services/provider.ts'
import { state } from '../functions/define.ts'
import type { StateContext, StateReturn } from '../functions/state-context.ts'
import { changed, failed, unchanged, wouldChange } from '../functions/state-return.ts'

const name = z.string().min(1).describe('the name of the service')
const enable = z.boolean().optional().describe('whether it is started with the machine; without it that stays as it is')
const init_delay = z.number().min(0).max(3600).default(0).describe('seconds to wait after it was started or stopped')
const timeout = z
  .union([z.number(), z.string()])
  .default('2m')
  .describe('seconds, or a duration such as 5m, after which an attempt is killed')
const LOOK_MS = 30_000

export const running = state({
  doc: `A service runs. Where something that it watches has changed it is restarted, or with reload: True reloaded.
    Example:
      nginx:
        service.running:
          - enable: True
          - reload: True
          - watch:
            - file: /etc/nginx/nginx.conf`,
  args: {
    name,
    enable,
    reload: z.boolean().default(false).describe('what it watches makes it read its configuration, not restart'),
    full_restart: z.boolean().default(false).describe('what it watches has it stopped and then started'),
    init_delay,
    timeout,
  },
  idempotent: true,
  run: (args, context) => settle(true, args, context),
  async watch({ name, reload, full_restart, init_delay, timeout }, context) {
    const { services, look, act } = tools(context, timeout)
    const runs = await services.status(name, look)
    const verb = !runs ? 'start' : reload ? 'reload' : full_restart ? 'fully restart' : 'restart'
    if (context.test) return wouldChange(`Service is set to be ${verb}ed`, { [name]: true })
    const problem = await tried(async () => {
      if (verb !== 'fully restart') return services.act(verb, name, act)
      await services.act('stop', name, act)
      await services.act('start', name, act)
    })
    if (problem !== undefined) return failed(`Failed to ${verb} the service: ${problem}`)
    await delay(init_delay * 1000, undefined, { signal: context.signal })
    return changed(`Service ${verb}ed`, { [name]: true })
  },
})

export const dead = state({
  doc: `A service does not run. One that is not there is dead.
    Example:
      telnetd:
        service.dead:
          - enable: False`,
  args: { name, enable, init_delay, timeout },
  idempotent: true,
  run: (args, context) => settle(false, args, context),
  async watch({ name, timeout }, context) {
    const { services, look, act } = tools(context, timeout)
    if (!(await services.status(name, look))) return unchanged('Service is already stopped')
    if (context.test) return wouldChange('Service is set to be stopped', { [name]: true })
    const problem = await tried(() => services.act('stop', name, act))
    return problem === undefined
      ? changed('Service stopped', { [name]: true })
      : failed(`Failed to stop the service: ${problem}`)
  },
})

export const enabled = state({
  doc: `A service is started with the machine. Whether it runs now is not looked at.
    Example:
      nginx:
        service.enabled: []`,
  args: { name },
  idempotent: true,
  run: (args, context) => bootOnly(true, args.name, context),
})

export const disabled = state({
  doc: `A service is not started with the machine. Whether it runs now is not looked at.
    Example:
      telnetd:
        service.disabled: []`,
  args: { name },
  idempotent: true,
  run: (args, context) => bootOnly(false, args.name, context),
})

function tools({ config, signal, onProcess }: StateContext, timeout: number | string = LOOK_MS / 1000) {
  const limits = { signal, onPid: onProcess }
  const look: Limits = { ...limits, timeoutMs: LOOK_MS }
  const act: Limits = { ...limits, timeoutMs: parseDuration(timeout) }
  return { services: detectServices(config), look, act }
}

interface Wanted {
  name: string
  enable?: boolean | undefined
  init_delay: number
  timeout: number | string
}

/** Makes it run, or not. */
async function settle(up: boolean, wanted: Wanted, context: StateContext): Promise<StateReturn> {
  const { name } = wanted
  const { services, look, act } = tools(context, wanted.timeout)
  if (!(await services.available(name, look))) return unavailable(up, name, context.test)
  const before = await services.status(name, look)
  const boot = await bootChange(wanted.enable, name, services, look)
  if (before === up) {
    const comment = `The service ${name} is already ${up ? 'running' : 'dead'}`
    return boot === undefined
      ? unchanged(comment)
      : await setBoot(boot, name, services, context, 'is in the desired state')
  }
  if (context.test) return wouldChange(`Service ${name} is set to ${up ? 'start' : 'be killed'}`, { [name]: up })
  const problem = await tried(() => services.act(up ? 'start' : 'stop', name, act))
  await delay(wanted.init_delay * 1000, undefined, { signal: context.signal })
  const after = await services.status(name, look)
  const waited = wanted.init_delay > 0 ? `\nDelayed return for ${wanted.init_delay} seconds` : ''
  const why = problem ?? `it ${after ? 'still runs' : 'does not run'} after that`
  const failure = `Service ${name} failed to ${up ? 'start' : 'die'}: ${why}`
  const changes = after === before ? {} : { [name]: after }
  if (problem !== undefined || after !== up) return failed(failure + waited, changes)
  const done = up ? `Started service ${name}` : `Service ${name} was killed`
  if (boot === undefined) return changed(done + waited, changes)
  const booted = await setBoot(boot, name, services, context, `is ${up ? 'running' : 'dead'}`)
  return { ...booted, changes, comment: booted.comment + waited }
}

/** Salt's answers: what is not there is dead, and in a test another state may bring it yet. */
function unavailable(up: boolean, name: string, test: boolean): StateReturn {
  const comment = `The named service ${name} is not available`
  if (!up) return unchanged(comment)
  if (!test) return failed(comment)
  return wouldChange(`Service ${name} not present; if created in this state run, it would have been started`)
}

async function bootOnly(on: boolean, name: string, context: StateContext): Promise<StateReturn> {
  const { services, look } = tools(context)
  if (!(await services.available(name, look))) {
    const comment = `The named service ${name} is not available`
    if (!on) return unchanged(comment)
    return context.test
      ? wouldChange(`Service ${name} not present; if created in this state run, it would be enabled`)
      : failed(comment)
  }
  const change = await bootChange(on, name, services, look)
  if (change === undefined)
    return unchanged(`Service ${name} is already ${on ? 'enabled' : 'disabled'}, and is in the desired state`)
  return setBoot(change, name, services, context, 'is in the desired state')
}

/** What is to be done so that it is, or is not, started with the machine; undefined: nothing. */
async function bootChange(on: boolean | undefined, name: string, services: ServiceProvider, look: Limits) {
  if (on === undefined || (await services.enabled(name, look)) === on) return undefined
  return on ? 'enable' : 'disable'
}

async function setBoot(
  boot: 'enable' | 'disable',
  name: string,
  services: ServiceProvider,
  context: StateContext,
  so: string,
): Promise<StateReturn> {
  const changes = { [name]: boot === 'enable' }
  if (context.test) return wouldChange(`Service ${name} set to be ${boot}d`, changes)
  const { look } = tools(context)
  const problem = await tried(() => services.setBoot(boot, name, look))
  if (problem !== undefined) return failed(`Service ${name} ${so}, and failed to be ${boot}d: ${problem}`)
  if ((await services.enabled(name, look)) === (boot === 'enable'))
    return changed(`Service ${name} has been ${boot}d, and ${so}`, changes)
  return failed(`Service ${name} ${so}, and is not ${boot}d though the service manager says it is`)
}

/** Why it failed; undefined: it did not. */
const tried = (act: () => Promise<void>): Promise<string | undefined> => act().then(() => undefined, errorMessage)
