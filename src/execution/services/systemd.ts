// Services as units of systemd, by `systemctl`.
import { ReactorError } from '../../base/errors.ts'
import { type ProcessResult, runProcess } from '../process.ts'
import { actionFailed, checkServiceName, type Limits, type ServiceProvider, unknownService } from './provider.ts'

/** `systemctl is-active`: active, inactive or failed, no such unit. */
const ACTIVE = 0
const NOT_ACTIVE = [3, 4]

export function createSystemd({ systemctl = 'systemctl' }: { systemctl?: string } = {}): ServiceProvider {
  const run = (words: string[], limits: Limits) =>
    runProcess({
      argv: [systemctl, '--no-ask-password', '--no-pager', ...words],
      cwd: '/',
      mergeStderr: true,
      ...limits,
    })
  const list = async (limits: Limits) => {
    const result = await run(['list-unit-files', '--type=service', '--no-legend', '--plain'], limits)
    if (result.retcode !== 0) throw failed('list its services', result)
    const units = result.stdout.split('\n').map(line => line.trim().split(/\s+/)[0] ?? '')
    return units
      .filter(unit => unit.endsWith('.service'))
      .map(unit => unit.slice(0, -'.service'.length))
      .sort()
  }
  const property = async (name: string, service: string, limits: Limits) => {
    const result = await run(['show', `--property=${name}`, '--value', '--', unit(service)], limits)
    if (result.retcode !== 0) throw failed(`say whether '${service}' is there`, result)
    return result.stdout.trim()
  }
  const available = async (service: string, limits: Limits) =>
    (await property('LoadState', service, limits)) !== 'not-found'
  /** Readies what is about to be acted on: systemd goes on with a unit as it read it, whatever has become of its file. */
  const requireFresh = async (service: string, limits: Limits) => {
    if (!(await available(service, limits))) {
      throw unknownService(service, await list(limits), 'among the units of systemd')
    }
    if ((await property('NeedDaemonReload', service, limits)) !== 'yes') return
    const result = await run(['daemon-reload'], limits)
    if (result.retcode !== 0) throw failed('read its units again', result)
  }
  return {
    name: 'systemd',
    list,
    available,
    async status(service, limits) {
      const result = await run(['is-active', '--quiet', '--', unit(service)], limits)
      if (result.retcode === ACTIVE) return true
      if (result.ending === 'exited' && NOT_ACTIVE.includes(result.retcode)) return false
      throw failed(`say whether '${service}' runs`, result)
    },
    async act(action, service, limits) {
      await requireFresh(service, limits)
      const result = await run([action, '--', unit(service)], limits)
      if (result.retcode !== 0) throw actionFailed(action, service, result)
    },
    async enabled(service, limits) {
      const result = await run(['is-enabled', '--', unit(service)], limits)
      if (result.retcode === 0) return true
      if (result.ending === 'exited') return false
      throw failed(`say whether '${service}' is enabled`, result)
    },
    async setBoot(boot, service, limits) {
      await requireFresh(service, limits)
      const result = await run([boot, '--', unit(service)], limits)
      if (result.retcode !== 0) throw actionFailed(boot, service, result)
    },
  }
}

const UNIT_TYPES = /\.(service|socket|timer|path|target|mount|slice|device|swap|automount|scope)$/

/** systemctl's own rule: a name without a type is a service. */
function unit(service: string): string {
  return UNIT_TYPES.test(checkServiceName(service)) ? service : `${service}.service`
}

function failed(what: string, result: ProcessResult): ReactorError {
  const said = (result.reason ?? result.stdout).trim()
  return new ReactorError('function_failed', `systemd does not ${what} (return code ${result.retcode}): ${said}`)
}
