// Beacon `service`: whether services run, as the service manager of the machine says it.
import { existsSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { createComplaints } from '../execution/complaints.ts'
import { readAs } from '../execution/pattern.ts'
import { detectServices } from '../execution/services/detect.ts'
import { checkServiceName } from '../execution/services/provider.ts'
import { beacon, type Observation, type Telling, tellingOptions } from '../functions/define-beacon.ts'

/** A question to the service manager is answered at once, or it hangs. */
const LOOK_MS = 30_000

const one = z
  .strictObject({
    ...tellingOptions,
    uncleanshutdown: z
      .string()
      .refine(isAbsolute, 'expected the absolute path of a pid file')
      .optional()
      .describe('a pid file that is left behind when the service did not end in order'),
  })
  .nullish()

export default beacon({
  doc: `Tells whether services run.
    Data: service_name; running: true or false, also in a map under the name of the service, where Salt has it; uncleanshutdown beside
    it where that is set and the service does not run: whether its pid file is still there. The tag ends in the service's name.
    Each look asks the service manager once for each service: with many of them set an interval.
    Example:
    beacons:
      service:
        - services:
            nginx:
              onchangeonly: true
              delay: 10
              uncleanshutdown: /run/nginx.pid
            mysql: {}
        - interval: 10`,
  options: z.strictObject({
    services: z
      .record(z.string().superRefine(readAs(checkName)), one)
      .refine(services => Object.keys(services).length > 0, 'expected at least one service')
      .describe('names of services, each with its own options or {}'),
  }),
  open({ services }, { config, log, signal }) {
    const complain = createComplaints(log)
    const last = new Map<string, Observation>()
    const look = async (name: string): Promise<Observation> => {
      const running = await detectServices(config).status(name, { timeoutMs: LOOK_MS, signal })
      const { uncleanshutdown, ...telling } = services[name] ?? {}
      const unclean = uncleanshutdown === undefined || running ? {} : { uncleanshutdown: existsSync(uncleanshutdown) }
      return {
        tag: name,
        data: { [name]: { running, ...unclean }, service_name: name, running },
        state: running ? 'running' : 'stopped',
        telling: telling as Telling,
      }
    }
    return {
      async poll() {
        const found: Observation[] = []
        const problems: string[] = []
        for (const name of Object.keys(services)) {
          try {
            const observation = await look(name)
            last.set(name, observation)
            found.push(observation)
          } catch (error) {
            if (signal.aborted) return []
            // Left out it would be forgotten, and what it was be told again as if it were new.
            const before = last.get(name)
            if (before) found.push({ ...before, tell: false })
            problems.push(`whether the service '${name}' runs is not known: ${errorMessage(error)}`)
          }
        }
        complain(problems)
        return found
      },
    }
  },
})

/** A service could have the name of a field of the data: Salt's map under it would then take the field's place. */
function checkName(name: string): void {
  if (name === 'running' || name === 'service_name' || name === 'id')
    throw new ReactorError('bad_config', `a service named '${name}' cannot be told: its events have a field '${name}'`)
  checkServiceName(name)
}
