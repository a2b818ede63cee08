// Which service manager this machine has. Only one that runs counts: containers often hold a systemctl with no systemd.
import { existsSync, statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { ReactorError } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import type { ServiceProvider } from './provider.ts'
import { createSystemd } from './systemd.ts'
import { createSysvinit } from './sysvinit.ts'

/** Set by systemd alone, and only while it is process 1; what sd_booted(3) looks at. */
export const SYSTEMD_MARK = '/run/systemd/system'
const INIT_DIR = '/etc/init.d'

/**
 * The provider that `config.service.init_dir` asks for, with `config.service.update_rc` to link its scripts, else the one found. Throws `bad_config` for a folder that is none,
 * `function_failed` where nothing was found.
 */
export function detectServices(
  config: Readonly<Record<string, unknown>> = {},
  places: { systemdMark: string; initDir: string } = { systemdMark: SYSTEMD_MARK, initDir: INIT_DIR },
): ServiceProvider {
  const { init_dir: configured, update_rc } = isObject(config.service) ? config.service : {}
  const updateRc = update_rc === undefined ? {} : { updateRc: checkProgram(update_rc) }
  if (configured !== undefined) return createSysvinit({ initDir: checkFolder(configured), ...updateRc })
  if (existsSync(places.systemdMark)) return createSystemd()
  if (isFolder(places.initDir)) return createSysvinit({ initDir: places.initDir, ...updateRc })
  throw new ReactorError(
    'function_failed',
    `no service manager was found here: systemd is not running (no ${places.systemdMark}) and there is no ${places.initDir}; ` +
      `set module_config.service.init_dir to a folder of init scripts, or use cmd.run`,
  )
}

function checkFolder(path: unknown): string {
  if (typeof path === 'string' && isAbsolute(path) && isFolder(path)) return path
  const shown = JSON.stringify(path)
  throw new ReactorError('bad_config', `service.init_dir: expected the absolute path of a folder, got ${shown}`)
}

function checkProgram(path: unknown): string {
  if (typeof path === 'string' && isAbsolute(path)) return path
  const shown = JSON.stringify(path)
  throw new ReactorError('bad_config', `service.update_rc: expected the absolute path of a program, got ${shown}`)
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
