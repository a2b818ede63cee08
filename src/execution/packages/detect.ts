// Which package manager this machine has: the one that module_config names, else the one that is found.
import { isAbsolute } from 'node:path'
import { ReactorError } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import { findProgram } from '../program.ts'
import { createApt } from './apt.ts'
import type { PackageProvider } from './provider.ts'

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Throws `function_failed` where there is none that is known here, `bad_config` for a setting that cannot be. */
export function detectPackages(
  config: Readonly<Record<string, unknown>> = {},
  grains: Readonly<Record<string, unknown>> = {},
  searchPath = PATH,
): PackageProvider {
  const { provider, root } = isObject(config.pkg) ? config.pkg : {}
  if (root !== undefined && (typeof root !== 'string' || !isAbsolute(root)))
    throw new ReactorError(
      'bad_config',
      `pkg.root: expected the absolute path of a folder, got ${JSON.stringify(root)}`,
    )
  if (provider !== undefined && provider !== 'apt')
    throw new ReactorError('bad_config', `pkg.provider: 'apt' is the one there is, got ${JSON.stringify(provider)}`)
  const isThere = ['apt-get', 'dpkg-query'].every(name => findProgram(name, '/', searchPath).path !== undefined)
  if (provider === 'apt' || isThere) return createApt(root === undefined ? {} : { root })
  const family = typeof grains.os_family === 'string' ? ` (os_family ${grains.os_family})` : ''
  throw new ReactorError(
    'function_failed',
    `no package manager that is known was found on this machine${family}: packages are installed by apt alone so far; use cmd.run`,
  )
}
