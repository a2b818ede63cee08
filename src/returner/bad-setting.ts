// Settings of a returner that are checked by code which serves calls too: there a mistake is an argument's, here the config's.
import { errorMessage, ReactorError } from '../base/errors.ts'

/** What `read` gives; what it throws becomes `bad_config`, which names the setting. */
export function badSetting<T>(returner: string, setting: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new ReactorError('bad_config', `'${returner}.${setting}': ${errorMessage(error)}`, {}, error)
  }
}
