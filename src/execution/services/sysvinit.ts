// Services as scripts of /etc/init.d, called as LSB says: `<script> start|stop|restart|status`.
import { accessSync, constants, readdirSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { type ProcessResult, runProcess } from '../process.ts'
import { actionFailed, checkServiceName, type Limits, type ServiceProvider, unknownService } from './provider.ts'

/** What LSB says that `status` exits with: running; dead, three ways. */
const RUNNING = 0
const DEAD = [1, 2, 3]
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Runlevels in which a machine is up, whose links say what starts with it: rc2.d to rc5.d beside the scripts. */
const RUNLEVELS = [2, 3, 4, 5]

export interface SysvinitOptions {
  initDir?: string
  /** What links scripts to runlevels, called as update-rc.d(8) is. */
  updateRc?: string
}

export function createSysvinit({
  initDir = '/etc/init.d',
  updateRc = 'update-rc.d',
}: SysvinitOptions = {}): ServiceProvider {
  const isScript = (service: string) => {
    const stats = statSync(join(initDir, service), { throwIfNoEntry: false })
    return stats?.isFile() === true && isExecutable(join(initDir, service))
  }
  const list = async () => {
    try {
      return (await readdir(initDir)).filter(isScript).sort()
    } catch (error) {
      throw new ReactorError('function_failed', `the services in ${initDir} cannot be listed: ${errorMessage(error)}`)
    }
  }
  const run = (service: string, action: string, limits: Limits): Promise<ProcessResult> =>
    runProcess({
      argv: [join(initDir, service), action],
      cwd: '/',
      // A service must not depend on who started it: as service(8) does, almost nothing of the environment goes on.
      env: { PATH, TERM: 'dumb', LANG: process.env.LANG },
      mergeStderr: true,
      ...limits,
    })
  return {
    name: 'sysvinit',
    list,
    available: async service => isScript(checkServiceName(service)),
    async status(service, limits) {
      if (!isScript(checkServiceName(service))) return false
      const result = await run(service, 'status', limits)
      if (result.retcode === RUNNING) return true
      if (result.ending === 'exited' && DEAD.includes(result.retcode)) return false
      const said = result.reason ?? result.stdout.trim()
      throw new ReactorError(
        'function_failed',
        `${join(initDir, service)} status does not say whether it runs (return code ${result.retcode}): ${said}`,
      )
    },
    async act(action, service, limits) {
      if (!isScript(checkServiceName(service))) throw unknownService(service, await list(), `in ${initDir}`)
      const result = await run(service, action, limits)
      if (result.retcode !== 0) throw actionFailed(action, service, result)
    },
    enabled: async service => isLinked(dirname(initDir), checkServiceName(service)),
    async setBoot(boot, service, limits) {
      if (!isScript(checkServiceName(service))) throw unknownService(service, await list(), `in ${initDir}`)
      // Without any link there is nothing that could be turned on or off.
      for (const how of ['defaults', boot]) {
        const result = await runProcess({
          argv: [updateRc, service, how],
          cwd: '/',
          env: { PATH, TERM: 'dumb', LANG: process.env.LANG },
          mergeStderr: true,
          ...limits,
        })
        if (result.retcode !== 0) throw actionFailed(boot, service, result)
      }
    },
  }
}

function isLinked(folder: string, service: string): boolean {
  return RUNLEVELS.some(level => namesIn(join(folder, `rc${level}.d`)).some(name => startLink(name) === service))
}

/** The service that a link such as S01nginx starts. */
const startLink = (name: string): string | undefined => /^S\d\d(.+)$/.exec(name)?.[1]

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // No such runlevel: nothing is started in it.
    return []
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
