// Secrets and certificates in files are changed while the gateway runs: each is read again every few seconds, and what cannot be read
// leaves in force what was.
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'

/** True: it has changed, and what was read is in force. What it throws is wrong with the file. */
export type Renew = () => boolean | Promise<boolean>

export interface RenewOptions {
  /** By what people call it. */
  renewed: ReadonlyMap<string, Renew>
  everyMs: number
  log: Log
}

export function startRenewing({ renewed, everyMs, log }: RenewOptions): Running {
  const problems = new Map<string, string>()
  const look = async (name: string, renew: Renew) => {
    try {
      if (await renew()) log.info({ of: name }, 'a file has changed, and counts as it is now')
      else if (problems.has(name)) log.info({ of: name }, 'a file can be read again')
      problems.delete(name)
    } catch (error) {
      const problem = errorMessage(error)
      if (problems.get(name) !== problem)
        log.warn({ of: name, problem }, 'a file cannot be read again: what it held before still counts')
      problems.set(name, problem)
    }
  }
  let busy: Promise<unknown> = Promise.resolve()
  let idle = true
  const timer = setInterval(() => {
    if (!idle) return
    idle = false
    busy = Promise.all([...renewed].map(([name, renew]) => look(name, renew))).finally(() => {
      idle = true
    })
  }, everyMs)
  return {
    async stop() {
      clearInterval(timer)
      await busy
    },
  }
}
