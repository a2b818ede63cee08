// What a service manager must be able to do for module `service`, and the names that may reach one.
import { ReactorError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { ProcessResult } from '../process.ts'

export interface Limits {
  /** Milliseconds until an action is killed. */
  timeoutMs: number
  signal?: AbortSignal
  /** Told of each process, which leads a group of its own. */
  onPid?(pid: number): void
}

export type Action = 'start' | 'stop' | 'restart' | 'reload'
/** Whether it is started with the machine. */
export type Boot = 'enable' | 'disable'

export interface ServiceProvider {
  readonly name: 'systemd' | 'sysvinit'
  /** Names of the services it knows, sorted. */
  list(limits: Limits): Promise<string[]>
  /** Whether it knows that service, running or not. */
  available(service: string, limits: Limits): Promise<boolean>
  /** Whether the service runs now; false for one that is not known. */
  status(service: string, limits: Limits): Promise<boolean>
  /** Resolves once it is done. Throws `function_failed` with what the service manager said. */
  act(action: Action, service: string, limits: Limits): Promise<void>
  /** Whether it is started with the machine; false for one that is not known. */
  enabled(service: string, limits: Limits): Promise<boolean>
  /** Resolves once it is so. Throws `function_failed` with what the service manager said. */
  setBoot(boot: Boot, service: string, limits: Limits): Promise<void>
}

const NAME = /^[A-Za-z0-9@_][A-Za-z0-9@._:-]*$/

/** Throws `bad_argument` for what could be a path, an option or a pattern. */
export function checkServiceName(service: string): string {
  if (NAME.test(service)) return service
  throw new ReactorError(
    'bad_argument',
    `'${service}' is no name of a service: letters, digits and @ . _ : - are allowed, the first no '.', ':' or '-'`,
  )
}

export function unknownService(service: string, known: readonly string[], looked: string): ReactorError {
  return new ReactorError(
    'function_failed',
    `there is no service '${service}' ${looked}.${didYouMean(service, known)}`,
    { service },
  )
}

/** Why an action failed, with the last lines of what was said. */
export function actionFailed(action: Action | Boot, service: string, result: ProcessResult): ReactorError {
  const said = (result.reason ?? result.stdout).trim().split('\n').slice(-10).join('\n')
  return new ReactorError(
    'function_failed',
    `cannot ${action} the service '${service}' (return code ${result.retcode}): ${said || 'nothing was said why'}`,
    { service, retcode: result.retcode },
  )
}
